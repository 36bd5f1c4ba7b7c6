import { AimError } from '../../../contracts/errors.js'
import type { ModelFile } from '../../../contracts/model.js'
import type { FileLocation } from '../../../ports/hub.js'
import type { WeightSource } from '../../../ports/weight-source.js'
import type { PartFile } from '../part-file.js'

/** A part of a file on its way over one connection. `at` moves as bytes reach the disk; `end` may be moved back by who takes the rest. */
export type Range = {
  readonly start: number
  end: number
  at: number
  readonly since: number
  readonly abort: AbortController
  /** How far it was at two moments not long ago, the older first. */
  seen: [Seen, Seen]
}
type Seen = { at: number; ms: number }

export function rangeOf(start: number, end: number): Range {
  const since = performance.now()
  const seen = { at: start, ms: since }
  return { start, end, at: start, since, abort: new AbortController(), seen: [seen, seen] }
}

/** Takes note of how far it is, once in `everyMs`. */
export function look(range: Range, now: number, everyMs: number): void {
  if (now - range.seen[1].ms >= everyMs) range.seen = [range.seen[1], { at: range.at, ms: now }]
}

/** Bytes per ms of late. */
export const lateRateOf = ({ at, seen: [before] }: Range, now: number): number => (at - before.at) / Math.max(1, now - before.ms)

/** Bytes that are still to come. */
export const left = ({ at, end }: Range): number => end - at

/** Bytes per ms, since it began. */
export const rateOf = ({ start, at, since }: Range, now: number): number => (at - start) / Math.max(1, now - since)

export type RangeErrand = {
  source: WeightSource
  location: FileLocation
  file: ModelFile
  part: PartFile
  range: Range
  /** Longest time without a byte, in ms. */
  stallMs: number
  /** Told about each piece that came over the network, in bytes. */
  onBytes: (bytes: number) => void
}

/**
 * Brings one range to its place in the part file. What had arrived when it fails is kept: `range.at` says how far it came.
 * @throws AimError of the `hub` group, `TransferStalled`, the reason of `range.abort`, or the file system's error.
 */
export async function fetchRange({ source, location, file, part, range, stallMs, onBytes }: RangeErrand): Promise<void> {
  const { signal } = range.abort
  const watch = watchForStall(range.abort, stallMs, file.path)
  try {
    for await (const chunk of await source.read(location, { start: range.at, end: range.end - 1 }, signal)) {
      watch.pause() // a slow disk is no stalled network
      onBytes(chunk.length)
      const wanted = chunk.subarray(0, Math.max(0, left(range))) // its end may have been moved back
      await part.write(wanted, range.at)
      range.at += wanted.length
      if (left(range) <= 0) break
      watch.resume()
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    watch.stop()
  }
}

type Watch = { pause(): void; resume(): void; stop(): void }

/** Aborts with `TransferStalled` when no byte came for `stallMs`. */
function watchForStall(abort: AbortController, stallMs: number, file: string): Watch {
  let waitingSince: number | null = performance.now()
  const timer = setInterval(
    () => {
      if (waitingSince === null || performance.now() - waitingSince < stallMs) return
      abort.abort(new AimError('TransferStalled', { file, seconds: Math.round(stallMs / 1000) }))
    },
    Math.max(10, Math.min(1000, stallMs / 4)),
  )
  return {
    pause: () => void (waitingSince = null),
    resume: () => void (waitingSince = performance.now()),
    stop: () => clearInterval(timer),
  }
}
