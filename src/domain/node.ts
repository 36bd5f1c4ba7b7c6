import type { Backend } from './engine.js'

/** A GPU as the driver shows it. Bytes for memory. */
export type Gpu = { index: number; arch: string; model: string | null; vramTotalBytes: number; vramFreeBytes: number | null }

/** Whether a backend can run on a node, and if not, why and what to do. */
export type BackendReadiness =
  | { backend: Backend; ready: true; version: string }
  | { backend: Backend; ready: false; reason: string; fix: string }

/** What a node has and can run, looked at now. Memory and disk in bytes. */
export type NodeInspection = {
  nodeId: string
  hostname: string
  cpus: number
  memoryTotalBytes: number
  memoryFreeBytes: number
  cacheDisk: { path: string; totalBytes: number; freeBytes: number }
  gpus: Gpu[]
  /** Why the list of GPUs may be incomplete; empty when it is certain. */
  problems: { code: string; message: string }[]
  backends: BackendReadiness[]
}
