import { pause } from './retry.js'

/** One limit for all downloads of this process: a source that asked to be left alone is left alone by all of them. */
export type Pace = {
  /** Waits until this source may be asked again. */
  turn(source: string, signal: AbortSignal): Promise<void>
  /** It asked for so many ms of rest. */
  rest(source: string, ms: number): void
}

/** Those who waited go on one after the other within this time, in ms, instead of all at once. */
const SPREAD_MS = 250

export function createPace(): Pace {
  const until = new Map<string, number>()
  return {
    async turn(source, signal) {
      for (let wait = remaining(source); wait > 0; wait = remaining(source)) await pause(wait + Math.random() * SPREAD_MS, signal)
    },
    rest(source, ms) {
      until.set(source, Math.max(until.get(source) ?? 0, performance.now() + ms))
    },
  }

  function remaining(source: string): number {
    return Math.ceil((until.get(source) ?? 0) - performance.now())
  }
}
