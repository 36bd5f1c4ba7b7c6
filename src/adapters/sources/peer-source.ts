import { createHash } from 'node:crypto'
import { isAimError, type AimError } from '../../contracts/errors.js'
import type { ModelFile } from '../../contracts/model.js'
import type { FileLocation } from '../../ports/hub.js'
import type { Peer, WeightSource } from '../../ports/weight-source.js'
import type { HttpLimits } from '../hub/http.js'
import { createPlace, mayBe, PLAIN_HEADERS, type Place } from './place.js'

export type PeerOptions = {
  /** Id of this node: nodes that look for the same file ask in orders of their own. */
  self: string
  /** What nodes show each other; null: nothing. Asked before each request for a file's place. */
  token: () => Promise<string | null>
  limits?: Partial<HttpLimits>
  /** How long a peer that failed is left alone, in ms. */
  restMs?: number
  /** Told once for each node that does not take our token. */
  onWarning?: ((text: string) => void) | undefined
}

/** Peers are near, and there is always another place: a dead one must not be waited for. */
const DEFAULT_LIMITS: HttpLimits = { connectMs: 2_000, answerMs: 10_000, near: true }
const REST_MS = 30_000
/** Peers that are asked at the same time. */
const AT_ONCE = 4

/** Makes sources of lists of peers. What is known of peers that failed outlives a list. */
export function createPeerSources({
  self,
  token,
  limits,
  restMs = REST_MS,
  onWarning = () => {},
}: PeerOptions): (peers: Peer[]) => WeightSource {
  const place = createPlace({ ...DEFAULT_LIMITS, ...limits })
  const restsUntil = new Map<string, number>()
  const rest = (url: string): void => void restsUntil.set(new URL(url).origin, performance.now() + restMs)
  const refusedBy = new Set<string>()
  function refused({ nodeId, url }: Peer): void {
    if (refusedBy.has(nodeId)) return
    refusedBy.add(nodeId)
    onWarning(`the node ${nodeId} at ${new URL(url).origin} refuses to give files: AIM_PEER_TOKEN must be the same on every node`)
  }
  const isUp = ({ url }: Peer): boolean =>
    /^https?:/.test(url) && URL.canParse(url) && (restsUntil.get(new URL(url).origin) ?? 0) <= performance.now()

  return (peers) => {
    const name = nameOf(peers)
    return {
      kind: 'peer',
      name,
      async locate(_model, file, signal) {
        const secret = await token()
        const headers = { ...PLAIN_HEADERS, ...(secret !== null && { authorization: `Bearer ${secret}` }) }
        const asked = inOrder(peers.filter(isUp), file, self)
        let busy: AimError | null = null
        for (let at = 0; at < asked.length; at += AT_ONCE) {
          const group = asked.slice(at, at + AT_ONCE)
          const answers = await Promise.all(group.map((peer) => ask(place, peer, file, headers, signal)))
          const found = answers.find((answer) => answer.kind === 'here')
          if (found !== undefined) return found.location
          for (const [index, answer] of answers.entries()) {
            const peer = group[index] as Peer
            if (answer.kind === 'refused') refused(peer)
            if (answer.kind === 'failed' || answer.kind === 'refused') rest(peer.url)
            if (answer.kind === 'busy') busy = answer.error
          }
        }
        // Waiting a moment costs less than another fetch from outside.
        if (busy !== null) throw busy
        return null
      },
      async read(location, range, signal) {
        const about = { hub: new URL(location.url).origin, model: location.model ?? '', ref: '' }
        // A peer that fails in the middle would still say that it has the file.
        const failed = (error: unknown): unknown => {
          if (isAimError(error) && !isBusy(error)) rest(location.url)
          return error
        }
        try {
          return watched(await place.read(location, range, about, signal), failed)
        } catch (error) {
          throw failed(error)
        }
      },
    }
  }
}

/** `absent` is also what another node answers than the one that was meant; `failed`: it does not answer as a peer does; `refused`: our token is not its own. */
type Answer = { kind: 'here'; location: FileLocation } | { kind: 'absent' | 'failed' | 'refused' } | { kind: 'busy'; error: AimError }

async function ask(place: Place, peer: Peer, file: ModelFile, headers: Record<string, string>, signal?: AbortSignal): Promise<Answer> {
  const { nodeId, url: base } = peer
  const url = `${base}/blobs/${file.digest.hex}`
  const model = `${file.path} of node ${nodeId}`
  try {
    const head = await place.head({ url, headers, follow: 'same-origin' }, { hub: base, model, ref: '' }, signal)
    if (head.status === 401 || head.status === 403) return { kind: 'refused' }
    if (![200, 404].includes(head.status)) return { kind: 'failed' }
    if (head.header('x-aim-node') !== nodeId || !mayBe(file, head)) return { kind: 'absent' }
    return { kind: 'here', location: { url, headers, size: file.size, etag: '', model } }
  } catch (error) {
    if (signal?.aborted || !isAimError(error)) throw error
    return isBusy(error) ? { kind: 'busy', error } : { kind: 'failed' }
  }
}

/** It said when to come again. */
const isBusy = ({ code, details }: AimError): boolean =>
  code === 'HubRateLimited' || (code === 'HubUnreachable' && typeof details['seconds'] === 'number')

/** Each file has an order of its own, at each node that asks, so that the load spreads. The same question has the same order. */
function inOrder(peers: Peer[], { digest }: ModelFile, self: string): Peer[] {
  const ranked = peers.map((peer) => ({ peer, rank: createHash('sha1').update(`${digest.hex} ${peer.nodeId} ${self}`).digest('hex') }))
  return ranked.toSorted((a, b) => (a.rank < b.rank ? -1 : 1)).map(({ peer }) => peer)
}

async function* watched(body: AsyncIterable<Buffer>, failed: (error: unknown) => unknown): AsyncGenerator<Buffer, void, void> {
  try {
    yield* body
  } catch (error) {
    throw failed(error)
  }
}

const NAMED = 3

function nameOf(peers: Peer[]): string {
  const names = peers.slice(0, NAMED).map(({ nodeId }) => nodeId)
  return `${peers.length === 1 ? 'peer' : 'peers'} ${names.join(', ')}${peers.length > NAMED ? ` and ${peers.length - NAMED} more` : ''}`.trim()
}
