import { setTimeout as delay } from 'node:timers/promises'
import type { EngineKey, EngineState } from '../../src/domain/engine.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import { beating } from '../beat.js'

/** How often a watch looks at the process. An exit is seen within this time. */
const LOOK_MS = 250

/** Watching costs no history: one long activity per replica, which returns only when the engine is gone. */
export function watchActivities({ launcher }: { launcher: EngineLauncher }) {
  return {
    watchEngine: ({ key }: { key: EngineKey }): Promise<Exclude<EngineState, { phase: 'running' }>> =>
      beating(5_000, async (signal) => {
        for (;;) {
          const state = await launcher.inspect(key)
          if (state.phase !== 'running') return state
          await delay(LOOK_MS, undefined, { signal })
        }
      }),
  }
}
