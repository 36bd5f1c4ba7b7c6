import { addAbortSignal, type Readable } from 'node:stream'
import { AimError } from '../../contracts/errors.js'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import type { Hub } from '../../ports/hub.js'
import type { PartFile } from './part-file.js'

export type Transfer = {
  hub: Hub
  model: PinnedModel
  file: ModelFile
  part: PartFile
  /** Longest time without a byte, in ms. */
  stallMs: number
  signal?: AbortSignal | undefined
  /** Told about each piece that came over the network, in bytes. */
  onBytes: (bytes: number) => void
}

const WRITE_BYTES = 1 << 20

/**
 * Brings the rest of one file to the end of its part file, over one connection. What had arrived when it fails is kept.
 * @throws AimError of the `hub` group, `TransferStalled`, the signal's reason, or the file system's error.
 */
export async function transfer({ hub, model, file, part, stallMs, signal, onBytes }: Transfer): Promise<void> {
  const watch = watchForStall(stallMs, file.path, signal)
  try {
    const location = await hub.locate(model, file, watch.signal)
    const body = await hub.read(location, { start: part.length(), end: file.size - 1 }, watch.signal)
    addAbortSignal(watch.signal, body as Readable)
    const writer = batched(part)
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        watch.pause() // a slow disk is no stalled network
        onBytes(chunk.length)
        await writer.push(chunk)
        watch.resume()
      }
    } finally {
      watch.pause()
      await writer.flush()
    }
  } catch (error) {
    throw watch.signal.aborted ? watch.signal.reason : error
  } finally {
    watch.stop()
  }
}

/** Collects pieces, so that one large write runs while the next pieces arrive. */
function batched(part: PartFile): { push(chunk: Buffer): Promise<void>; flush(): Promise<void> } {
  let chunks: Buffer[] = []
  let bytes = 0
  let writing = Promise.resolve()

  async function write(): Promise<void> {
    await writing
    if (bytes === 0) return
    writing = part.append(chunks)
    writing.catch(() => {}) // thrown by the next `await writing`, which may come later than the failure
    chunks = []
    bytes = 0
  }
  return {
    async push(chunk) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes >= WRITE_BYTES) await write()
    },
    async flush() {
      await write()
      await writing
    },
  }
}

type Watch = { signal: AbortSignal; pause(): void; resume(): void; stop(): void }

/** A signal that aborts with the caller's, or with `TransferStalled` when no byte came for `stallMs`. */
function watchForStall(stallMs: number, file: string, outer?: AbortSignal): Watch {
  const controller = new AbortController()
  const forward = (): void => controller.abort(outer?.reason)
  if (outer?.aborted) forward()
  outer?.addEventListener('abort', forward, { once: true })
  let waitingSince: number | null = performance.now()
  const timer = setInterval(
    () => {
      if (waitingSince === null || performance.now() - waitingSince < stallMs) return
      controller.abort(new AimError('TransferStalled', { file, seconds: Math.round(stallMs / 1000) }))
    },
    Math.max(10, Math.min(1000, stallMs / 4)),
  )
  return {
    signal: controller.signal,
    pause: () => void (waitingSince = null),
    resume: () => void (waitingSince = performance.now()),
    stop() {
      clearInterval(timer)
      outer?.removeEventListener('abort', forward)
    },
  }
}
