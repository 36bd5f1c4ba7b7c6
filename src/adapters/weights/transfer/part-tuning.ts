/** How a file is cut into parts. Sizes in bytes, times in ms. */
export type PartTuning = {
  leastBytes: number
  mostBytes: number
  /** A connection is judged after so long: cut when it fell far behind the others. */
  judgedAfterMs: number
  /** What is left of a part is shared with a free connection when it would take longer than this. */
  sharedAfterMs: number
}

export const DEFAULT_PARTS: PartTuning = { leastBytes: 8 << 20, mostBytes: 64 << 20, judgedAfterMs: 3_000, sharedAfterMs: 1_500 }
