import { setTimeout as delay } from 'node:timers/promises'
import { AimError, isAimError } from '../../src/contracts/errors.js'
import type { EngineKey, EngineSpec, EngineState } from '../../src/domain/engine.js'
import type { ReportedMemory } from '../../src/domain/measurement.js'
import { engines } from '../../src/engines/index.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'

export type Proof = { text: string; tokens: number; ms: number; url: string; pid: number; memory: ReportedMemory | null }
/** `stallMs`: a start that writes nothing to its log for this long stands still. */
type Ports = { launcher: EngineLauncher; client: EngineClient; stallMs: number }
type Engine = { key: EngineKey; spec: EngineSpec }

/** Looks are close together while a small engine may come up, and rare while a large one loads for minutes. */
const LOOK_MS = { first: 50, most: 1_000, growth: 1.1 }
/** Lines that a failure keeps. */
const TAIL_LINES = 40
/** A start of vLLM or SGLang on eight GPUs writes fewer lines than this. */
const LOG_LINES = 20_000

/**
 * Waits until the engine completes a request. The deadline follows progress: each new log line starts it again.
 * @throws AimError EngineExited with the failure class and the log's tail; EngineStalled; EngineNotAnswering for one that is up and completes none.
 */
export async function proveReady(
  { launcher, client, stallMs }: Ports,
  { key, spec }: Engine,
  signal: AbortSignal,
  note: (details: unknown) => void,
): Promise<Proof> {
  let lastLine = ''
  let progressAt = Date.now()
  let lookMs = LOOK_MS.first
  for (;;) {
    const state = await launcher.inspect(key)
    if (state.phase !== 'running') throw ended(spec, state)
    const healthy = await client.healthy(state.url, engines[spec.backend].endpoints.ready, signal)
    const proof = healthy ? await tryComplete(client, state.url, spec.servedName, signal) : { refused: 'it is not up' }
    if (!('refused' in proof)) return { ...proof, url: state.url, pid: state.pid, memory: await memoryOf(launcher, { key, spec }) }

    const [line = ''] = await launcher.logTail(key, 1)
    // Once it says that it is up, its log only echoes our own requests.
    if (line !== lastLine && !healthy) progressAt = Date.now()
    lastLine = line
    if (Date.now() - progressAt > stallMs) {
      const logTail = await launcher.logTail(key, TAIL_LINES)
      throw healthy ? notAnswering(key, proof.refused, logTail) : stalled({ spec, key, logTail, stallMs })
    }
    note({ phase: 'starting', lastLine })
    await delay(lookMs, undefined, { signal })
    lookMs = Math.min(lookMs * LOOK_MS.growth, LOOK_MS.most)
  }
}

/** What the engine said of its KV cache while it started. */
async function memoryOf(launcher: EngineLauncher, { key, spec }: Engine): Promise<ReportedMemory | null> {
  return engines[spec.backend].readMemory(await launcher.logTail(key, LOG_LINES))
}

/** An engine that is up may still refuse its first requests: the deadline, not the first refusal, decides. */
async function tryComplete(
  client: EngineClient,
  url: string,
  model: string,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<EngineClient['complete']>> | { refused: string }> {
  try {
    return await client.complete(url, model, signal)
  } catch (error) {
    if (isAimError(error) && error.code === 'EngineNotAnswering') return { refused: String(error.details['reason']) }
    throw error
  }
}

function ended(spec: EngineSpec, state: Exclude<EngineState, { phase: 'running' }>): AimError {
  if (state.phase === 'absent') {
    return new AimError('EngineExited', {
      failure: 'gone',
      how: 'stopped',
      lastLine: 'it was stopped by somebody',
      hint: 'deploy it again',
      logTail: '',
    })
  }
  const { failure, lastLine, hint, facts } = engines[spec.backend].classify(state)
  const logTail = state.logTail.slice(-TAIL_LINES).join('\n')
  return new AimError('EngineExited', { failure, lastLine, hint, how: howItEnded(state), logTail, ...facts })
}

type Stalled = { spec: EngineSpec; key: EngineKey; logTail: string[]; stallMs: number }

/** It runs and does not move: its last words may say at what. */
function stalled({ spec, key: { endpoint }, logTail, stallMs }: Stalled): AimError {
  const { failure } = engines[spec.backend].classify({ code: null, signal: null, stalled: true, logTail })
  return new AimError('EngineStalled', { seconds: stallMs / 1_000, endpoint, failure, logTail: logTail.join('\n') })
}

function notAnswering({ endpoint }: EngineKey, reason: string, logTail: string[]): AimError {
  return new AimError('EngineNotAnswering', { reason, endpoint, logTail: logTail.join('\n') })
}

function howItEnded({ code, signal }: { code: number | null; signal: string | null }): string {
  if (signal !== null) return `signal ${signal}`
  return code === null ? 'exit code unknown' : `exit code ${code}`
}
