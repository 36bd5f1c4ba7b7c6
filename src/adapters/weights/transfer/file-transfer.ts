import { AimError, ERRORS, isAimError } from '../../../contracts/errors.js'
import type { ModelFile, PinnedModel } from '../../../contracts/model.js'
import type { Extent } from '../../../domain/cache/extents.js'
import type { FileLocation } from '../../../ports/hub.js'
import type { WeightSource } from '../../../ports/weight-source.js'
import { SMALL_BYTES } from '../memory-part.js'
import { BLOCK_BYTES, type PartFile } from '../part-file.js'
import { fetchRange, left, rangeOf, rateOf, type Range } from './fetch-range.js'
import type { Pace } from './pace.js'
import type { PartTuning } from './part-tuning.js'
import { askedWaitMs, backoffMs, REAL_PROGRESS_BYTES, type RetryPolicy } from './retry.js'

export type FileErrand = {
  model: PinnedModel
  file: ModelFile
  part: PartFile
  /** Where to look, best first. */
  sources: WeightSource[]
  retry: RetryPolicy
  stallMs: number
  pace: Pace
  signal: AbortSignal
  /** Told about each piece that came over the network, in bytes, and where from. */
  onBytes: (bytes: number, source: WeightSource) => void
}

/** One file on its way, over as many connections as the pool gives it. */
export type FileTransfer = {
  /** Whether parts wait for a connection. */
  hasParts(): boolean
  /** Whether a free connection would help one that has much left. */
  hasShare(): boolean
  /** Brings one range of at most so many bytes. Never throws: what fails is tried again, or ends the transfer. */
  work(partBytes: number): Promise<void>
  /** Ranges under way. */
  active(): readonly Range[]
  /** Bytes per ms of the last ranges that ended. */
  rates(): readonly number[]
  /** Settles when every byte is there, or it cannot be; nothing is under way then. Rejects with the failure of the last source. */
  readonly ended: Promise<void>
}

/** The reason of a range that is cut to be asked for again. No failure of the source. */
export const LAGGING = new Error('the connection fell behind the others')

/** Where a file is fetched at the moment. A failure of an earlier place says nothing about the present one. */
type Place = { source: WeightSource; location: Promise<FileLocation | null>; located: boolean }

const KEPT_RATES = 16

/** Addresses in a row that were given and then refused without a byte, after which it is believed. One may run out before most connections use it. */
const MOST_REFUSALS = 3

/** Begins to bring what the part file lacks. `wake` tells the pool that there may be work again. */
export function startFileTransfer(errand: FileErrand, parts: PartTuning, wake: () => void): FileTransfer {
  const { model, file, part, sources, retry, pace, signal } = errand
  const pending: Extent[] = part.extents.gaps(file.size)
  const active = new Set<Range>()
  const rates: number[] = []
  let sourceIndex = 0
  let place: Place | null = null
  let failures = 0
  let refusals = 0
  let notBefore = 0
  let bytesAtFailure = part.extents.bytes()
  let worst: unknown
  let over: { failure: unknown } | null = null
  let settle: { resolve(): void; reject(error: unknown): void }
  const ended = new Promise<void>((resolve, reject) => (settle = { resolve, reject }))

  function end(failure?: unknown): void {
    if (over === null) {
      over = { failure }
      signal.removeEventListener('abort', onAbort)
      for (const range of active) range.abort.abort(failure)
    }
    if (active.size > 0) return
    if (over.failure === undefined) settle.resolve()
    else settle.reject(over.failure)
  }
  const onAbort = (): void => end(signal.reason)

  function take(partBytes: number): Range | null {
    const next = pending.shift()
    if (next === undefined) return shareOfLargest()
    if (next.end - next.start <= partBytes * 1.5) return rangeOf(next.start, next.end)
    pending.unshift({ start: next.start + partBytes, end: next.end })
    return rangeOf(next.start, next.start + partBytes)
  }

  /** The second half of the range that has most left, so that the end of a file does not hang on one slow connection. */
  function shareOfLargest(): Range | null {
    const [largest] = [...active].filter((range) => isWorthSharing(range, parts)).toSorted((a, b) => left(b) - left(a))
    if (largest === undefined) return null
    const middle = largest.at + Math.ceil(left(largest) / 2)
    const range = rangeOf(middle, largest.end)
    largest.end = middle
    return range
  }

  function placeNow(): Place {
    if (place !== null) return place
    const source = sources[sourceIndex] as WeightSource
    place = { source, located: false, location: locate(source) }
    place.location.catch(() => {}) // told to each range that awaits it
    return place
  }

  const isDirect = (source: WeightSource): source is Required<WeightSource> => file.size <= SMALL_BYTES && source.direct !== undefined

  async function locate(source: WeightSource): Promise<FileLocation | null> {
    await pace.turn(source.name, signal)
    return isDirect(source) ? source.direct(model, file, signal) : inTime((either) => source.locate(model, file, either))
  }

  /** A source that says nothing at all is left, even if it does not listen to its signal. */
  async function inTime<T>(ask: (either: AbortSignal) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const stop = new AbortController()
    const follow = (): void => stop.abort(signal.reason)
    signal.addEventListener('abort', follow, { once: true })
    const late = new AimError('TransferStalled', { file: file.path, seconds: Math.round(retry.mostLocateMs / 1000) })
    const timer = setTimeout(() => stop.abort(late), retry.mostLocateMs)
    const stopped = new Promise<never>((_, reject) =>
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error), { once: true }),
    )
    try {
      return await Promise.race([ask(stop.signal), stopped])
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', follow)
    }
  }

  async function bring(range: Range, from: Place): Promise<void> {
    const location = await from.location
    from.located = location !== null && !isDirect(from.source)
    if (location === null) throw new AimError('NotHere', { source: from.source.name, file: file.path })
    await pace.turn(from.source.name, range.abort.signal)
    await fetchRange({
      ...errand,
      source: from.source,
      location,
      range,
      onBytes: (bytes) => errand.onBytes(bytes, from.source),
    })
  }

  function onFailure(error: unknown, from: Place): void {
    if (over !== null || error === LAGGING) return
    if (!isAimError(error)) return end(error)
    if (from !== place) return
    place = null
    const moved = part.extents.bytes() - bytesAtFailure
    bytesAtFailure = part.extents.bytes()
    if (moved > 0) refusals = 0
    if (error.code === 'HubAuth' && from.located && ++refusals <= MOST_REFUSALS) return // its signed address ran out: it is located anew
    if (!ERRORS[error.code].retry) return nextSource(error)
    failures = moved >= REAL_PROGRESS_BYTES ? 1 : failures + 1
    const asked = askedWaitMs(error)
    if (failures >= retry.tries || asked > retry.mostPatienceMs) return nextSource(error)
    const wait = Math.max(asked, backoffMs(retry, failures))
    if (asked > 0) pace.rest(from.source.name, asked)
    notBefore = performance.now() + wait
    setTimeout(wake, wait + 1).unref()
  }

  function nextSource(error: AimError): void {
    if (worst === undefined || error.code !== 'NotHere') worst = error
    sourceIndex += 1
    refusals = 0
    failures = 0
    notBefore = 0
    if (sourceIndex >= sources.length) end(worst)
  }

  const isWaiting = (): boolean => over !== null || performance.now() < notBefore

  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  if (pending.length === 0) end()
  return {
    ended,
    active: () => [...active],
    rates: () => rates,
    hasParts: () => !isWaiting() && pending.length > 0,
    hasShare: () => !isWaiting() && [...active].some((range) => isWorthSharing(range, parts)),
    async work(partBytes) {
      const range = take(partBytes)
      if (range === null) return
      active.add(range)
      const from = placeNow()
      try {
        await bring(range, from)
      } catch (error) {
        onFailure(error, from)
      }
      active.delete(range)
      if (range.at - range.start >= BLOCK_BYTES) rates.push(rateOf(range, performance.now()))
      if (rates.length > KEPT_RATES) rates.shift()
      if (left(range) > 0) pending.unshift({ start: range.at, end: range.end })
      if (over !== null || (active.size === 0 && pending.length === 0)) end()
    },
  }
}

/** What would take another while, and leaves both halves worth a request of their own. */
function isWorthSharing(range: Range, { leastBytes, sharedAfterMs }: PartTuning): boolean {
  const now = performance.now()
  const isKnown = now - range.since > sharedAfterMs
  return isKnown && left(range) >= leastBytes / 4 && left(range) / rateOf(range, now) > sharedAfterMs
}
