import type { z } from 'zod'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import type { FileLocation, Hub } from '../../ports/hub.js'
import { filesOfRevision, filesOfTree, hostileName, RevisionAnswer, TreeAnswer } from './answers.js'
import { networkFailure, protocol, refusal, type About } from './failures.js'
import { createHttp, redirectTarget, type HttpAnswer, type HttpLimits, type HttpRequest } from './http.js'
import { readJson } from './json.js'
import { createRangeReader } from './range-reader.js'
import type { ByteRange } from './range.js'
import { readText } from './read-text.js'

export type HubOptions = {
  /** Base address, as in HF_ENDPOINT; a path before `/api` is kept, as repository managers need it. */
  endpoint: string
  /** Asked before each request to the hub; null: none. Sent to the hub's own origin and nowhere else. */
  token: () => Promise<string | null>
  userAgent?: string
  limits?: Partial<HttpLimits>
}

const DEFAULT_LIMITS: HttpLimits = { connectMs: 15_000, answerMs: 60_000 }
/** A repository of more files than this many pages hold is not a model. */
const MOST_TREE_PAGES = 200

/** Client of the public Hugging Face hub protocol. Source: huggingface_hub 2.4 and the hub's own answers. */
export function createHub(options: HubOptions): Hub {
  const base = new URL(options.endpoint)
  const prefix = base.pathname.replace(/\/+$/, '')
  const hub = base.origin + prefix // without the credentials that an address may hold
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const http = createHttp(limits)
  const readRange = createRangeReader(limits)
  const userAgent = options.userAgent ?? 'aim-engine'

  const at = (path: string): URL => new URL(prefix + path, base)
  const resolveUrl = ({ repo, commit }: Pick<PinnedModel, 'repo' | 'commit'>, { path }: ModelFile): URL =>
    at(`/${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`)

  async function headers(url: URL): Promise<Record<string, string>> {
    const token = url.origin === base.origin ? await options.token() : null
    return { 'user-agent': userAgent, 'accept-encoding': 'identity', ...(token !== null && { authorization: `Bearer ${token}` }) }
  }

  async function send(url: URL, request: HttpRequest, about: About): Promise<HttpAnswer> {
    request.signal?.throwIfAborted()
    try {
      return await http(url, request)
    } catch (error) {
      throw networkFailure(error, about, request.signal)
    }
  }

  async function getJson<T>(url: URL, shape: z.ZodType<T>, about: About, signal?: AbortSignal): Promise<{ data: T; next: URL | null }> {
    const answer = await send(url, { method: 'GET', headers: await headers(url), signal, follow: 'all' }, about)
    if (answer.status !== 200) {
      answer.message.resume()
      throw refusal(answer, about)
    }
    const data = await readJson(answer.message, limits.answerMs).catch((error: unknown) => {
      if (error instanceof SyntaxError) throw protocol(about, error.message)
      throw networkFailure(error, about, signal)
    })
    const checked = shape.safeParse(data)
    if (!checked.success) throw protocol(about, firstIssue(checked.error))
    return { data: checked.data, next: nextPage(answer) }
  }

  async function listTree(repo: string, commit: string, about: About, signal?: AbortSignal): Promise<ModelFile[]> {
    const files: ModelFile[] = []
    let url: URL | null = at(`/api/models/${repo}/tree/${commit}?recursive=true`)
    for (let page = 0; url !== null; page++) {
      if (page === MOST_TREE_PAGES) throw protocol(about, `a listing of more than ${MOST_TREE_PAGES} pages`)
      const { data, next }: { data: TreeAnswer; next: URL | null } = await getJson(url, TreeAnswer, about, signal)
      try {
        files.push(...filesOfTree(data))
      } catch (error) {
        throw protocol(about, (error as Error).message)
      }
      url = next
    }
    return files
  }

  const api: Hub = {
    async pin(repo, ref, signal): Promise<PinnedModel> {
      const about = { hub, model: repo, ref }
      const { data } = await getJson(
        at(`/api/models/${repo}/revision/${encodeURIComponent(ref)}?blobs=true`),
        RevisionAnswer,
        about,
        signal,
      )
      if (/^[0-9a-f]{40}$/.test(ref) && data.sha !== ref) throw protocol(about, `commit ${data.sha} where ${ref} was asked for`)
      const files = filesOfRevision(data) ?? (await listTree(repo, data.sha, about, signal))
      const hostile = hostileName(files)
      if (hostile !== null) throw protocol(about, hostile)
      return { repo, ref, commit: data.sha, files }
    },

    async locate(model, file, signal): Promise<FileLocation> {
      const about = { hub, model: model.repo, ref: model.commit }
      const start = resolveUrl(model, file)
      let answer = await send(start, { method: 'HEAD', headers: await headers(start), signal, follow: 'same-origin' }, about)
      answer.message.resume()
      let { url, sent } = answer
      const facts = answer.message.headers
      if (answer.status >= 300 && answer.status < 400) {
        url = redirectOf(answer, about)
        sent = await headers(url)
        // A signed address often refuses HEAD, so it is asked only when the hub itself did not say the size.
        if (facts['x-linked-size'] === undefined) {
          answer = await send(url, { method: 'HEAD', headers: sent, signal, follow: 'all' }, about)
          answer.message.resume()
          ;({ url, sent } = answer)
        }
      }
      if (answer.status >= 400) throw refusal(answer, about)
      const size = facts['x-linked-size'] ?? answer.message.headers['content-length']
      const wrong = wrongFacts(facts['x-repo-commit'], size, model, file)
      if (wrong !== null) throw protocol(about, wrong)
      const etag = String(facts['x-linked-etag'] ?? answer.message.headers.etag ?? '')
      return { url: url.href, headers: sent, size: file.size, etag: etag.replace(/^W\//, '').replaceAll('"', ''), model: model.repo }
    },

    async direct(model, file): Promise<FileLocation> {
      const url = resolveUrl(model, file)
      return { url: url.href, headers: await headers(url), size: file.size, etag: '', model: model.repo }
    },

    async read(location: FileLocation, range: ByteRange, signal): Promise<AsyncIterable<Buffer>> {
      const url = new URL(location.url)
      const about = { hub: url.origin === base.origin ? hub : url.origin, model: location.model ?? url.pathname, ref: '' }
      return readRange(location, range, about, signal)
    },

    readText: (model, file, signal) => readText(api, model, file, signal),
  }
  return api
}

/** Why what is said about a file is not what its listing promised; null when it is. */
function wrongFacts(
  saidCommit: string | string[] | undefined,
  saidSize: string | string[] | undefined,
  model: Pick<PinnedModel, 'commit'>,
  file: ModelFile,
): string | null {
  const commit = String(saidCommit ?? model.commit)
  if (commit !== model.commit) return `${file.path} of commit ${commit} where ${model.commit} was asked for`
  const size = Number(saidSize ?? file.size)
  return size === file.size ? null : `${file.path} has ${size} bytes where its listing says ${file.size}`
}

function redirectOf(answer: HttpAnswer, about: About): URL {
  try {
    return redirectTarget(answer.url, answer.message)
  } catch (error) {
    throw networkFailure(error, about)
  }
}

/** The `rel="next"` of a `Link` header. */
function nextPage({ message, url }: HttpAnswer): URL | null {
  const next = /<([^>]+)>\s*;[^,]*rel="?next"?/.exec(String(message.headers.link ?? ''))?.[1]
  return next !== undefined && URL.canParse(next, url.href) ? new URL(next, url) : null
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue ? `${issue.path.join('.') || 'answer'}: ${issue.message}` : 'wrong shape'
}
