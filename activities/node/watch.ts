import { setTimeout as delay } from 'node:timers/promises'
import type { EngineKey, EngineSpec, EngineState } from '../../src/domain/engine.js'
import type { WatchEnd } from '../../src/domain/health/evidence.js'
import { engines } from '../../src/engines/index.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import { beating } from '../beat.js'
import { untilHung } from './pulse.js'

type Ports = { launcher: EngineLauncher; client: EngineClient; hangMs: number }
type Engine = { key: EngineKey; spec: EngineSpec }

/** How often a watch looks at the process. An exit is seen within this time. */
const LOOK_MS = 250
/** A node that is gone is seen by others; what this is seen by is a watch that nobody does. */
const BEAT_MS = 10_000
/** Lines that an end keeps. */
const TAIL_LINES = 40

/** Watching costs no history: one long activity per replica, which returns only when the engine is gone or hangs. */
export function watchActivities({ launcher, client, hangMs }: Ports) {
  return {
    watchEngine: ({ key, spec }: Engine): Promise<WatchEnd> =>
      beating(BEAT_MS, async (signal) => {
        const state = await launcher.inspect(key)
        if (state.phase !== 'running') return endOf(spec, state)
        const first = new AbortController()
        const either = AbortSignal.any([signal, first.signal])
        try {
          const exited = untilExit(launcher, key, either).then((end) => endOf(spec, end))
          const hung = untilHung(client, { url: state.url, spec }, hangMs, either).then(async (why) => {
            return hangOf(spec, why, await launcher.logTail(key, TAIL_LINES))
          })
          return await Promise.race([exited, leaveTo(exited, hung)])
        } finally {
          first.abort()
        }
      }),
  }
}

/** An engine that has just ended answers nothing either: that it ended is the truth. */
async function leaveTo(exited: Promise<WatchEnd>, hung: Promise<WatchEnd>): Promise<WatchEnd> {
  const end = await hung
  return Promise.race([exited, delay(2 * LOOK_MS, end)])
}

async function untilExit(
  launcher: EngineLauncher,
  key: EngineKey,
  signal: AbortSignal,
): Promise<Exclude<EngineState, { phase: 'running' }>> {
  for (;;) {
    const state = await launcher.inspect(key)
    if (state.phase !== 'running') return state
    await delay(LOOK_MS, undefined, { signal })
  }
}

function endOf({ backend }: EngineSpec, state: Exclude<EngineState, { phase: 'running' }>): WatchEnd {
  if (state.phase === 'absent') return { how: 'absent', why: 'engine gone', failure: 'gone', logTail: [] }
  const { code, signal, logTail } = state
  const { failure, lastLine } = engines[backend].classify(state)
  const how = signal ?? `exit code ${code ?? 'unknown'}${lastLine === '' ? '' : `: ${lastLine}`}`
  return { how: 'exited', why: `engine ended: ${how}`, failure, logTail: logTail.slice(-TAIL_LINES) }
}

function hangOf({ backend }: EngineSpec, why: string, logTail: string[]): WatchEnd {
  const { failure } = engines[backend].classify({ code: null, signal: null, stalled: true, logTail })
  return { how: 'hung', why: `engine hangs: ${why}`, failure, logTail }
}
