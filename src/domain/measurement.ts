import type { Backend, Parallelism } from './engine.js'
import type { Precision } from './hardware.js'
import type { Candidate } from './plan.js'

/** What an engine says of its KV cache when it is up; null: it does not say. */
export type ReportedMemory = { kvBytesPerGpu: number | null; kvTokens: number | null }

/** What one successful launch showed of memory and speed: truer than any formula for the next one of the same kind. */
export type Measurement = {
  model: string
  precision: Precision | null
  backend: Backend
  /** Version of the backend that ran. */
  version: string
  card: string
  gpuCount: number
  /** How it was spread over them, as `layoutOf` says it. */
  layout: string
  /** Share of the memory that the engine was given; null: its own default. */
  memoryFraction: number | null
  /** KV cache as the engine reported it, bytes on each GPU; null when it said only tokens. */
  kvBytesPerGpu: number | null
  kvTokens: number | null
  /** Output tokens per second of one request; null when not measured. */
  decodeTokensPerSecond: number | null
  measuredAt: string
}

/** `tp8`, `tp2-dp4`, `tp8-ep`: how an engine is spread over its GPUs, as one word. */
export function layoutOf({ tensor, pipeline, data, expert }: Parallelism): string {
  const widths = [pipeline > 1 ? `pp${pipeline}` : '', data > 1 ? `dp${data}` : '', expert ? 'ep' : '']
  return [`tp${tensor}`, ...widths.filter((width) => width !== '')].join('-')
}

/** The measurement that a launch gives; null on a CPU, whose memory is nobody's alone. `measuredAt` is ISO 8601. */
export function measurementOf(launched: Candidate, version: string, memory: ReportedMemory, measuredAt: string): Measurement | null {
  const { model, precision, backend, card, gpus, parallel, settings } = launched
  if (card === null) return null
  const memoryFraction = settings.memoryFraction ?? null
  return {
    model,
    precision,
    backend,
    version,
    card,
    gpuCount: gpus.length,
    layout: layoutOf(parallel),
    memoryFraction,
    ...memory,
    decodeTokensPerSecond: null,
    measuredAt,
  }
}
