import { bytes, duration } from '../output/units.js'

const WINDOW_MS = 10_000

export type Transfer = { done: number; total: number; file: string }
export type TransferRate = { bytesPerSecond: number | null; etaMs: number | null }

/** Measures a download over its last ten seconds, so that a stall shows as a falling rate. A new file does not start it anew. */
export function rateMeter(): (transfer: Transfer, now: number) => TransferRate {
  let samples: { at: number; done: number }[] = []
  return ({ done, total }, now) => {
    if (done < (samples.at(-1)?.done ?? 0)) samples = [] // another download
    samples.push({ at: now, done })
    while (samples.length > 2 && (samples[1]?.at ?? now) <= now - WINDOW_MS) samples.shift()
    const first = samples[0] ?? { at: now, done }
    const ms = now - first.at
    if (ms < 500) return { bytesPerSecond: null, etaMs: null }
    const bytesPerSecond = ((done - first.done) * 1000) / ms
    const etaMs = bytesPerSecond > 0 && total > done ? ((total - done) * 1000) / bytesPerSecond : null
    return { bytesPerSecond, etaMs }
  }
}

/** `51.2 of 92.4 MB  55 %  12.3 MB/s  3.4 s left  model.gguf`, as far as it is known. */
export function transferText({ done, total, file }: Transfer, { bytesPerSecond, etaMs }: TransferRate): string {
  const parts = [
    total > 0 ? `${bytes(done)} of ${bytes(total)}` : bytes(done),
    total > 0 ? `${Math.floor((done * 100) / total)} %` : null,
    bytesPerSecond === null ? null : `${bytes(bytesPerSecond)}/s`,
    etaMs === null ? null : `${duration(Math.max(1000, etaMs))} left`,
    file === '' ? null : file,
  ]
  return parts.filter((part) => part !== null).join('  ')
}
