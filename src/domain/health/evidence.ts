import type { EngineLoad } from './load.js'

/** Why the watch of an engine ended. `failure`: a class of the failure table, from its log. `logTail`: its last lines, oldest first. */
export type WatchEnd = { how: 'exited' | 'hung' | 'absent'; why: string; failure: string; logTail: string[] }

/** What one full check of a replica found, each part on its own. `verdict` is made of them; `why` says it for people. */
export type ReplicaEvidence = {
  process: 'running' | 'exited' | 'absent'
  pid: number | null
  /** What it says of itself; null: nobody could ask. */
  healthy: boolean | null
  /** Null: it does not tell, or cannot. */
  load: EngineLoad | null
  inference: { ms: number; tokens: number } | { failed: string } | null
  verdict: 'serving' | 'busy' | 'failing' | 'gone'
  why: string
}

type Parts = Omit<ReplicaEvidence, 'verdict' | 'why'>

/** One that answers serves, whatever else it says. One that does not, and has others' requests in hand, may only be slow: its watch knows. */
export function weigh(parts: Parts): ReplicaEvidence {
  const { process, inference, load, healthy } = parts
  if (process !== 'running')
    return { ...parts, verdict: 'gone', why: process === 'exited' ? 'its process has ended' : 'there is no process' }
  if (inference !== null && 'ms' in inference) return { ...parts, verdict: 'serving', why: `answered in ${inference.ms} ms` }
  const failed = inference?.failed ?? 'it was not asked'
  if (load !== null && load.running > 0) return { ...parts, verdict: 'busy', why: `${load.running} requests are running; ours: ${failed}` }
  return { ...parts, verdict: 'failing', why: healthy === false ? `it says that it is not well; a request: ${failed}` : failed }
}
