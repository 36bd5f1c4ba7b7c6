import type { EngineSpec } from './engine.js'
import { VLLM_FRACTION } from './memory/budget.js'
import type { Gpu } from './node.js'

/** Memory that a driver or a monitor may hold on a GPU that nobody else uses. */
const IDLE_BYTES = 2 ** 30

type Held = Pick<Gpu, 'vramFreeBytes' | 'vramTotalBytes' | 'processes'>

/** Whether processes hold more than idle ones would. Those whose memory nobody tells are judged by all that is taken. */
export function holdMemory({ processes, vramFreeBytes, vramTotalBytes }: Held): boolean {
  if (processes.length === 0) return false
  const told = processes.every((process) => process.vramBytes !== null)
  if (told) return processes.reduce((sum, process) => sum + (process.vramBytes ?? 0), 0) > IDLE_BYTES
  return vramFreeBytes === null || vramTotalBytes - vramFreeBytes > IDLE_BYTES
}

type Memory = Pick<Gpu, 'vramFreeBytes' | 'vramTotalBytes'>

/** Whether nobody uses a GPU. One whose driver tells no free memory, or no memory at all, is not judged. */
export function isFree({ vramFreeBytes, vramTotalBytes }: Memory): boolean {
  return vramFreeBytes === null || vramTotalBytes - vramFreeBytes <= IDLE_BYTES
}

/** Whether so much memory is free, whoever holds the rest. */
export function hasRoom({ vramFreeBytes }: Memory, bytes: number): boolean {
  return vramFreeBytes === null || vramFreeBytes >= bytes
}

/** Bytes that must be free on each of its GPUs before an engine starts there; where nothing is known of it, all but what idle ones hold. */
export function neededBytes({ needBytes, backend, settings }: EngineSpec, vramTotalBytes: number): number {
  if (needBytes !== undefined) return needBytes
  if (backend === 'vllm') return Math.ceil(vramTotalBytes * (settings.memoryFraction ?? VLLM_FRACTION))
  return vramTotalBytes - IDLE_BYTES
}
