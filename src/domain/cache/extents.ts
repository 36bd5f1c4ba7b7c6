/** Bytes from `start` up to `end`, which is not one of them. */
export type Extent = { start: number; end: number }

/** Which bytes of a file are there: disjoint extents in order, with a gap between any two. */
export class Extents {
  private readonly list: Extent[] = []

  add(start: number, end: number): void {
    if (end <= start) return
    let from = 0
    while (from < this.list.length && this.at(from).end < start) from += 1
    let to = from
    while (to < this.list.length && this.at(to).start <= end) to += 1
    if (to > from) {
      start = Math.min(start, this.at(from).start)
      end = Math.max(end, this.at(to - 1).end)
    }
    this.list.splice(from, to - from, { start, end })
  }

  clear(): void {
    this.list.length = 0
  }

  bytes(): number {
    return this.list.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  /** How far the file is there without a gap. */
  frontier(): number {
    const [first] = this.list
    return first?.start === 0 ? first.end : 0
  }

  covers(start: number, end: number): boolean {
    return start >= end || this.list.some((extent) => extent.start <= start && extent.end >= end)
  }

  /** What is not there of a file of this size, in order. */
  gaps(size: number): Extent[] {
    const gaps: Extent[] = []
    let at = 0
    for (const { start, end } of this.list) {
      if (start > at) gaps.push({ start: at, end: start })
      at = end
    }
    if (at < size) gaps.push({ start: at, end: size })
    return gaps
  }

  private at(index: number): Extent {
    const extent = this.list[index]
    if (extent === undefined) throw new RangeError(`no extent ${index}`)
    return extent
  }
}
