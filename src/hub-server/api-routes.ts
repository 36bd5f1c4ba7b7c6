import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import { describeModel, describeTree } from './descriptions.js'
import type { Digests } from './digests.js'
import { refuse } from './refuse.js'
import type { Repositories, Snapshot } from './repositories.js'

const PAGE = 1000
/** What a file is, asked by path: how the hub's JavaScript client asks. */
const PathsInfo = z.object({ paths: z.union([z.string(), z.array(z.string()).max(PAGE)]), expand: z.boolean().nullish() })
type ModelParams = { org: string; name: string; ref?: string; '*'?: string }
type Query = { blobs?: string; recursive?: string; limit?: string; cursor?: string }
type Route = { Params: ModelParams; Querystring: Query }

/** `/api/models/{repo}`, and below it `/revision/{ref}`, `/paths-info/{ref}` and `/tree/{ref}/{folder}`. */
export function addApiRoutes(app: FastifyInstance, repositories: Repositories, digests: Digests): void {
  async function withSnapshot(
    params: ModelParams,
    reply: FastifyReply,
    answer: (snapshot: Snapshot) => Promise<unknown>,
  ): Promise<unknown> {
    const lookup = await repositories(`${params.org}/${params.name}`, params.ref ?? 'main')
    if ('missing' in lookup) return refuse(reply, lookup.missing === 'repo' ? 'RepoNotFound' : 'RevisionNotFound')
    reply.header('x-repo-commit', lookup.found.commit)
    return answer(lookup.found)
  }

  for (const url of ['/api/models/:org/:name', '/api/models/:org/:name/revision/:ref']) {
    app.get<Route>(url, (request, reply) =>
      withSnapshot(request.params, reply, (snapshot) => describeModel(snapshot, isTrue(request.query.blobs), digests)),
    )
  }

  app.post<Route & { Body: unknown }>('/api/models/:org/:name/paths-info/:ref', (request, reply) =>
    withSnapshot(request.params, reply, async ({ commit, files }) => {
      const body = PathsInfo.safeParse(request.body)
      if (!body.success) return reply.code(400).send({ error: 'the body must be {"paths": ["..."], "expand": false}' })
      const asked = new Set([body.data.paths].flat())
      const entries = (await describeTree(files, '', true, digests)).filter(({ path }) => asked.has(path))
      const lastCommit = { id: commit, title: '', date: new Date(0).toISOString() }
      return body.data.expand === true ? entries.map((entry) => ({ ...entry, lastCommit })) : entries
    }),
  )

  for (const url of ['/api/models/:org/:name/tree/:ref', '/api/models/:org/:name/tree/:ref/*']) {
    app.get<Route>(url, (request, reply) =>
      withSnapshot(request.params, reply, async ({ files }) => {
        const folder = (request.params['*'] ?? '').replace(/\/+$/, '')
        const entries = await describeTree(files, folder, isTrue(request.query.recursive), digests)
        if (folder !== '' && entries.length === 0) return refuse(reply, 'EntryNotFound')
        const from = wholeNumber(request.query.cursor, 0)
        const to = from + Math.min(PAGE, Math.max(1, wholeNumber(request.query.limit, PAGE)))
        if (to < entries.length) reply.header('link', `<${nextPage(request.url, to)}>; rel="next"`)
        return entries.slice(from, to)
      }),
    )
  }
}

function nextPage(url: string, cursor: number): string {
  const [path, query] = url.split('?')
  const next = new URLSearchParams(query)
  next.set('cursor', String(cursor))
  return `${path}?${next.toString()}`
}

/** Python writes booleans as `True`. */
function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(true|1)$/i.test(value)
}

function wholeNumber(value: string | undefined, otherwise: number): number {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : otherwise
}
