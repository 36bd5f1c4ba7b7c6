import type { Backend, EngineSettings, Parallelism } from './engine.js'
import { fingerprint } from './fingerprint.js'
import type { Precision } from './hardware.js'
import type { Candidate } from './plan.js'

/** What an engine says of its KV cache when it is up; null: it does not say. */
export type ReportedMemory = { kvBytesPerGpu: number | null; kvTokens: number | null }

/** What one successful launch showed of memory: truer than any formula for the next one of the very same kind. */
export type Measurement = {
  model: string
  precision: Precision | null
  backend: Backend
  /** Version of the backend that ran. */
  version: string
  card: string
  gpuCount: number
  /** All else that decides how much is left for the KV cache, as `setupOf` says it. */
  setup: string
  /** KV cache as the engine reported it, bytes on each GPU; null when it said only tokens. */
  kvBytesPerGpu: number | null
  kvTokens: number | null
  measuredAt: string
}

type Setup = { parallel: Parallelism; settings: EngineSettings; args: Record<string, string | number | boolean> }

/** Memory of the GPU, spread, settings and flags as one text: how many tokens a step takes alone moves the cache by gigabytes. */
export function setupOf({ parallel, settings, args }: Setup, gpuTotalBytes: number): string {
  return fingerprint({ parallel, settings, args, gpuTotalBytes })
}

/**
 * The measurement that a launch gives; null on a CPU, whose memory is nobody's alone, and for a model whose fit was not computed.
 * `measuredAt` is ISO 8601.
 */
export function measurementOf(launched: Candidate, version: string, memory: ReportedMemory, measuredAt: string): Measurement | null {
  const { model, precision, backend, card, gpus, fit } = launched
  if (card === null || fit === null) return null
  const setup = setupOf(launched, fit.totalBytes)
  return { model, precision, backend, version, card, gpuCount: gpus.length, setup, ...memory, measuredAt }
}
