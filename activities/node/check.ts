import { isAimError } from '../../src/contracts/errors.js'
import type { EngineKey, EngineSpec } from '../../src/domain/engine.js'
import { weigh, type ReplicaEvidence } from '../../src/domain/health/evidence.js'
import { engines } from '../../src/engines/index.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import { beating } from '../beat.js'
import { loadOf } from './engine-load.js'

type Ports = { launcher: EngineLauncher; client: EngineClient; hangMs: number }

/** All that a watch looks at, once and now, with an inference in any case. */
export function checkActivities({ launcher, client, hangMs }: Ports) {
  return {
    checkReplica: ({ key, spec }: { key: EngineKey; spec: EngineSpec }): Promise<ReplicaEvidence> =>
      beating(1_000, async (signal) => {
        const state = await launcher.inspect(key)
        if (state.phase !== 'running') return weigh({ process: state.phase, pid: null, healthy: null, load: null, inference: null })
        const { url, pid } = state
        const [healthy, load] = await Promise.all([
          client.healthy(url, engines[spec.backend].endpoints.ready, signal),
          loadOf(client, url, spec.backend, signal),
        ])
        const inference = await ask(client, url, spec.servedName, hangMs, signal)
        return weigh({ process: 'running', pid, healthy, load, inference })
      }),
  }
}

/** No answer within the time in which a hang is found is a finding, not a failure of the check. */
async function ask(client: EngineClient, url: string, model: string, limitMs: number, signal: AbortSignal) {
  try {
    const { ms, tokens } = await client.complete(url, model, signal, limitMs)
    return { ms, tokens }
  } catch (error) {
    signal.throwIfAborted()
    if (!isAimError(error)) throw error
    return { failed: String(error.details['reason'] ?? error.message) }
  }
}
