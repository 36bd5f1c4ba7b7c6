import type { Gpu } from './node.js'

/** Memory that a driver or a monitor may hold on a GPU that nobody else uses. */
export const IDLE_BYTES = 2 ** 30

type Held = Pick<Gpu, 'vramFreeBytes' | 'vramTotalBytes' | 'processes'>

/** Whether processes hold more than idle ones would. Those whose memory nobody tells are judged by all that is taken. */
export function holdMemory({ processes, vramFreeBytes, vramTotalBytes }: Held): boolean {
  if (processes.length === 0) return false
  const told = processes.every((process) => process.vramBytes !== null)
  if (told) return processes.reduce((sum, process) => sum + (process.vramBytes ?? 0), 0) > IDLE_BYTES
  return vramFreeBytes === null || vramTotalBytes - vramFreeBytes > IDLE_BYTES
}

/** Whether an engine may be given all of a GPU. One whose driver tells no free memory, or no memory at all, is not judged. */
export function isFree({ vramFreeBytes, vramTotalBytes }: Pick<Gpu, 'vramFreeBytes' | 'vramTotalBytes'>): boolean {
  return vramFreeBytes === null || vramTotalBytes - vramFreeBytes <= IDLE_BYTES
}
