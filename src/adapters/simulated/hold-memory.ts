import type { Gpu } from '../../domain/node.js'
import type { Entry } from './entries.js'

/** A captured GPU as it is now: idle but for what the entries hold. One that told no free memory when it was captured tells none. */
export function withEntries(gpu: Gpu, entries: readonly Entry[]): Gpu {
  const held = entries.flatMap((entry) => {
    const on = entry.gpus.filter(({ index }) => index === gpu.index)
    const bytes = on.reduce((sum, { bytes = 0, share = 0 }) => sum + bytes + share * gpu.vramTotalBytes, 0)
    return on.length === 0 ? [] : [{ pid: entry.pid, name: entry.name ?? null, vramBytes: Math.round(bytes) }]
  })
  const taken = held.reduce((sum, { vramBytes }) => sum + vramBytes, 0)
  return {
    ...gpu,
    vramFreeBytes: gpu.vramFreeBytes === null ? null : Math.max(0, gpu.vramTotalBytes - taken),
    processes: held.flatMap(({ pid, ...process }) => (pid === null ? [] : [{ pid, ...process }])),
  }
}
