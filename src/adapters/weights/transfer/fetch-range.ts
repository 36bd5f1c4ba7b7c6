import { AimError } from '../../../contracts/errors.js'
import type { ModelFile } from '../../../contracts/model.js'
import type { FileLocation } from '../../../ports/hub.js'
import type { WeightSource } from '../../../ports/weight-source.js'
import type { PartFile } from '../part-file.js'

/** A part of a file on its way over one connection. `at` moves as bytes reach the disk; `end` may be moved back by who takes the rest. */
export type Range = { readonly start: number; end: number; at: number; readonly since: number; readonly abort: AbortController }

export function rangeOf(start: number, end: number): Range {
  return { start, end, at: start, since: performance.now(), abort: new AbortController() }
}

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

const WRITE_BYTES = 1 << 20
/** What came over a slow connection is written after so long, in ms: a kill loses no more than that. */
const WRITE_MS = 200

/**
 * Brings one range to its place in the part file. What had arrived when it fails is kept: `range.at` says how far it came.
 * @throws AimError of the `hub` group, `TransferStalled`, the reason of `range.abort`, or the file system's error.
 */
export async function fetchRange({ source, location, file, part, range, stallMs, onBytes }: RangeErrand): Promise<void> {
  const { signal } = range.abort
  const watch = watchForStall(range.abort, stallMs, file.path)
  const writer = batched(part, range)
  try {
    try {
      const body = await source.read(location, { start: range.at, end: range.end - 1 }, signal)
      for await (const chunk of body) {
        watch.pause() // a slow disk is no stalled network
        const wanted = Math.min(chunk.length, range.end - writer.position())
        onBytes(chunk.length)
        await writer.push(wanted === chunk.length ? chunk : chunk.subarray(0, wanted))
        if (writer.position() >= range.end) break // also when the end was moved back
        watch.resume()
      }
    } finally {
      watch.pause()
      await writer.flush()
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    watch.stop()
  }
}

/** Collects pieces, so that one large write runs while the next pieces arrive. */
function batched(part: PartFile, range: Range): { position(): number; push(chunk: Buffer): Promise<void>; flush(): Promise<void> } {
  let chunks: Buffer[] = []
  let bytes = 0
  let position = range.at
  let lastWrite = performance.now()
  let writing = Promise.resolve()

  async function write(): Promise<void> {
    await writing
    if (bytes === 0) return
    const [batch, at, end] = [chunks, position - bytes, position]
    chunks = []
    bytes = 0
    lastWrite = performance.now()
    writing = part.write(batch, at).then(() => {
      range.at = end
    })
    writing.catch(() => {}) // thrown by the next `await writing`, which may come later than the failure
  }
  return {
    position: () => position,
    async push(chunk) {
      chunks.push(chunk)
      bytes += chunk.length
      position += chunk.length
      if (bytes >= WRITE_BYTES || performance.now() - lastWrite >= WRITE_MS) await write()
    },
    async flush() {
      await write()
      await writing
    },
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
