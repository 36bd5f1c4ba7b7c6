import { RefreshRequest } from '../../contracts/cache-flows.js'
import { checked } from '../checked.js'

/** What a refresh does, as commander gives it: the same for one that starts now and for the schedule. */
export type RefreshOptions = {
  follow?: string[]
  prewarm?: string[]
  node?: string[]
  evict: boolean
  /** Bytes. */
  sample?: number
  reason?: string
}

const FLAG_OF = { follow: '--follow', prewarm: '--prewarm', nodes: '--node', verifySampleBytes: '--sample', reason: '--reason' }

/** Throws InvalidInput with the flag as the field. */
export function refreshRequest({ follow, prewarm, node, evict, sample, reason }: RefreshOptions): RefreshRequest {
  const asked = { follow: follow?.map(branchOf), prewarm: prewarm?.map(branchOf), nodes: node, evict, verifySampleBytes: sample, reason }
  return checked(RefreshRequest, asked, FLAG_OF)
}

/** `org/name@ref`, or `org/name` for its main branch. */
function branchOf(text: string): { model: string; ref?: string } {
  const at = text.indexOf('@')
  return at < 0 ? { model: text } : { model: text.slice(0, at), ref: text.slice(at + 1) }
}
