import type { Prediction } from '../prediction.js'
import type { Benchmark } from '../recipe.js'
import { roofline, type RooflineInput, type Speed, type Workload } from './roofline.js'

/** A run as far as it was measured: output tokens per second of all requests together at its own workload. */
export type MeasuredRun = { concurrency: number; promptTokens: number | null; outputTokensPerSecond: number; ttftMs: number | null }

/** What candidates are compared by. Infinite TTFT: not known. */
export type Compared = Pick<Speed, 'decodeTokensPerSecond' | 'outputTokensPerSecond' | 'ttftMs'>

/**
 * Speed at the workload that was asked for, so that candidates can be compared: by the roofline, corrected by its error where a run was
 * measured (at the run's own workload). `input` is null when too little is known of the model; null is the answer when nothing is known.
 */
export function comparedSpeed(input: RooflineInput | null, workload: Workload, run: MeasuredRun | null): Compared | null {
  const asked = input && roofline(input, workload)
  if (run === null) return asked
  const there = input && roofline(input, workloadOfRun(run, workload))
  if (asked === null || there === null) return bare(run)
  const truth = run.outputTokensPerSecond / there.outputTokensPerSecond
  return {
    decodeTokensPerSecond: asked.decodeTokensPerSecond * truth,
    outputTokensPerSecond: asked.outputTokensPerSecond * truth,
    ttftMs: run.ttftMs === null ? asked.ttftMs : (asked.ttftMs * run.ttftMs) / there.ttftMs,
  }
}

/**
 * What a plan shows: the measured run with the error that the roofline has there, else the roofline at the workload that was asked for. What a
 * run did not measure (prefill, often TTFT) is the roofline's. Null where card or model are not known well enough.
 */
export function predict(input: RooflineInput | null, workload: Workload, run: MeasuredRun | null): Prediction | null {
  const at = run === null ? workload : workloadOfRun(run, workload)
  const speed = input && roofline(input, at)
  if (speed === null) return null
  if (run === null) return { basis: 'predicted', ...at, ...speed, error: null }
  return {
    basis: 'measured',
    ...at,
    decodeTokensPerSecond: run.outputTokensPerSecond / run.concurrency,
    outputTokensPerSecond: run.outputTokensPerSecond,
    prefillTokensPerSecond: speed.prefillTokensPerSecond,
    ttftMs: run.ttftMs ?? speed.ttftMs,
    error: speed.outputTokensPerSecond / run.outputTokensPerSecond - 1,
  }
}

/** The run that says most of this workload on the card of that name: that of the nearest concurrency. */
export function bestRun(card: string, benchmarks: Benchmark[], workload: Workload): MeasuredRun | null {
  if (benchmarks.length === 0) return null
  const distance = (run: Benchmark) => Math.abs(Math.log(run.concurrency / workload.concurrency))
  const runs = benchmarks.filter((run) => run.card === card)
  return runs.toSorted((a, b) => distance(a) - distance(b) || a.outputTokensPerSecond - b.outputTokensPerSecond)[0] ?? null
}

function workloadOfRun({ concurrency, promptTokens }: MeasuredRun, asked: Workload): Workload {
  return { concurrency, promptTokens: promptTokens ?? asked.promptTokens }
}

function bare({ concurrency, outputTokensPerSecond, ttftMs }: MeasuredRun): Compared {
  return { outputTokensPerSecond, decodeTokensPerSecond: outputTokensPerSecond / concurrency, ttftMs: ttftMs ?? Number.POSITIVE_INFINITY }
}
