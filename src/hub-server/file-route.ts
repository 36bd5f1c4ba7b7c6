import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { FileDigest } from '../contracts/model.js'
import type { Digests } from './digests.js'
import type { StoredFile } from './files.js'
import { readRange } from '../contracts/range-header.js'
import { refuse } from './refuse.js'
import type { Repositories } from './repositories.js'

const READ_BYTES = 1 << 20

/** `GET` and `HEAD` of `/{org}/{name}/resolve/{ref}/{path}`: the bytes, whole or one range of them. */
export function addFileRoute(app: FastifyInstance, repositories: Repositories, digests: Digests): void {
  app.route<{ Params: { org: string; name: string; ref: string; '*': string } }>({
    method: ['GET', 'HEAD'],
    url: '/:org/:name/resolve/:ref/*',
    async handler(request, reply) {
      const { org, name, ref, '*': path } = request.params
      const lookup = await repositories(`${org}/${name}`, ref)
      if ('missing' in lookup) return refuse(reply, lookup.missing === 'repo' ? 'RepoNotFound' : 'RevisionNotFound')
      reply.header('x-repo-commit', lookup.found.commit)
      const file = lookup.found.files.find((candidate) => candidate.path === path)
      if (file === undefined) return refuse(reply, 'EntryNotFound')

      const digest = await digests(file)
      const etag = describe(reply, file, digest)
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      const condition = request.headers['if-range']
      const range = condition === undefined || condition === etag ? readRange(request.headers.range, file.size) : { kind: 'whole' as const }
      if (range.kind === 'unsatisfiable') return reply.code(416).header('content-range', `bytes */${file.size}`).send()
      const [start, end] = range.kind === 'part' ? [range.start, range.end] : [0, file.size - 1]
      if (range.kind === 'part') reply.code(206).header('content-range', `bytes ${start}-${end}/${file.size}`)
      reply.header('content-length', end - start + 1)
      return request.method === 'HEAD' || end < start ? reply.send() : sendBytes(reply, file, start, end)
    },
  })
}

/** Headers by which clients know the file; returns its etag. */
function describe(reply: FastifyReply, file: StoredFile, digest: FileDigest): string {
  const etag = `"${digest.hex}"`
  reply.headers({ etag, 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream', 'cache-control': 'no-cache' })
  if (digest.kind === 'sha256') reply.headers({ 'x-linked-etag': etag, 'x-linked-size': file.size })
  return etag
}

async function sendBytes(reply: FastifyReply, file: StoredFile, start: number, end: number): Promise<FastifyReply> {
  const handle = await open(file.real, constants.O_RDONLY | constants.O_NOFOLLOW)
  const now = await handle.stat()
  if (now.size !== file.size || now.mtimeMs !== file.mtimeMs) {
    await handle.close()
    return reply
      .code(503)
      .header('retry-after', 1)
      .removeHeader('content-range')
      .removeHeader('content-length')
      .send({ error: 'the file is being changed' })
  }
  return reply.send(handle.createReadStream({ start, end, highWaterMark: READ_BYTES }))
}
