/** How many connections are worth having. It starts with some, tries more, and keeps them only when they bring more. */
export type ConnectionLimit = {
  now(): number
  /** Told at each tick: bytes per ms of all connections together, and how many were busy. */
  observe(rate: number, busy: number): void
}

const FIRST = 8
const STEP = 4
/** More connections must bring so much more in all. */
const GAIN = 1.1
/** Ticks that a change is given before it is judged, and ticks until the next try after one that brought nothing. */
const SETTLE_TICKS = 2
const REST_TICKS = 30

export function createConnectionLimit(most: number): ConnectionLimit {
  let limit = Math.min(FIRST, most)
  let before: { limit: number; rate: number } | null = null // what the present try began from, and must beat
  let ticks = 0
  let wait = SETTLE_TICKS
  return {
    now: () => limit,
    observe(rate, busy) {
      ticks += 1
      if (busy < limit || ticks < wait) return
      ticks = 0
      if (before !== null && rate < before.rate * GAIN) {
        limit = before.limit
        before = null
        wait = REST_TICKS
        return
      }
      wait = SETTLE_TICKS
      before = null
      if (limit >= most) return
      before = { limit, rate }
      limit = Math.min(most, limit + STEP)
    },
  }
}
