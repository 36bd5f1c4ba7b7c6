import { hasWorked, isIdle, type EngineLoad } from './load.js'

/** A small request of our own: none is out, one is out, or how the last one ended. */
export type Inference = 'none' | 'running' | 'done' | { failed: string }

/** One look at an engine whose process lives. `sinceMs`: the look before. `load` is null when it does not tell. */
export type Sample = { sinceMs: number; healthy: boolean; load: EngineLoad | null; inference: Inference }

/** What is carried from look to look. `silentMs`: for how long it has proved nothing. */
export type Pulse = { silentMs: number; load: EngineLoad | null; failures: number; failure: string | null }

/** `hung`: it has done nothing for the set time, a request of our own included. `why` is for people. */
export type Judgement = { pulse: Pulse; verdict: 'alive' | 'busy' | 'hung'; ask: boolean; why: string }

export const FIRST_PULSE: Pulse = { silentMs: 0, load: null, failures: 0, failure: null }

/** One that does not tell its load may be busy without our seeing it: it gets this many times as long. */
const UNSEEN_FACTOR = 3
/** Looking at one that does not answer takes its time; what is longer is a gap, of which a quarter of the limit counts. */
const LONGEST_LOOK_MS = 3_000
/** Answers that are no answers, while it says itself that it is not well: more of them tell nothing new. */
const MOST_FAILURES = 3

/**
 * Judges an engine by what it did since the look before. Tokens that advance, whoever asked for them, are the proof: a busy engine is not
 * a dead one. Half of `hangMs` without any, it is asked something small; all of it, it is hung. Time in which nobody looked does not count.
 */
export function judge(before: Pulse, sample: Sample, hangMs: number): Judgement {
  const { load, inference, healthy } = sample
  const worked = inference === 'done' || (load !== null && before.load !== null && hasWorked(before.load, load))
  const pulse = worked ? { ...FIRST_PULSE, load: load ?? before.load } : silent(before, sample, hangMs)
  const busy = load !== null && !isIdle(load)
  if (worked) return { pulse, verdict: busy ? 'busy' : 'alive', ask: false, why: inference === 'done' ? 'it answered' : 'tokens advance' }

  const patienceMs = pulse.load === null ? hangMs * UNSEEN_FACTOR : hangMs
  const asked = inference !== 'none'
  const isSick = !healthy && pulse.failures >= MOST_FAILURES
  if (asked && (isSick || pulse.silentMs >= patienceMs)) return { pulse, verdict: 'hung', ask: false, why: whyHung(pulse, busy) }
  const ask = inference !== 'running' && (!healthy || pulse.silentMs >= patienceMs / 2)
  return { pulse, verdict: busy ? 'busy' : 'alive', ask, why: `nothing proved for ${seconds(pulse.silentMs)}` }
}

function silent(before: Pulse, { sinceMs, load, inference }: Sample, hangMs: number): Pulse {
  const failed = typeof inference === 'object' ? inference.failed : null
  return {
    silentMs: before.silentMs + Math.min(sinceMs, Math.max(hangMs / 4, LONGEST_LOOK_MS)),
    load: load ?? before.load,
    failures: before.failures + (failed === null ? 0 : 1),
    failure: failed ?? before.failure,
  }
}

function whyHung({ silentMs, load, failure }: Pulse, busy: boolean): string {
  const work = busy && load !== null ? `, with ${load.running} requests running and ${load.waiting} waiting` : ''
  return `no token for ${seconds(silentMs)}${work}; a request of our own: ${failure ?? 'no answer'}`
}

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`
