import { engineKeyName, type EngineKey, type EngineSpec } from '../../src/domain/engine.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher, LaunchedEngine } from '../../src/ports/engine-launcher.js'
import { beating } from '../beat.js'
import { proveReady, type Proof } from './readiness.js'

type Ports = { namespace: string; launcher: EngineLauncher; client: EngineClient }
type Engine = { key: EngineKey; spec: EngineSpec }

/** Time that an engine has to end its running requests before it is killed. */
const GRACE_MS = 10_000

/** The life of one engine: launch, proof, stop. */
export function engineActivities({ namespace, launcher, client }: Ports) {
  const stopAll = async (which: (key: EngineKey) => boolean, graceMs: number): Promise<string[]> => {
    const keys = (await launcher.list()).map(({ key }) => key).filter((key) => key.namespace === namespace && which(key))
    await Promise.all(keys.map((key) => launcher.stop(key, graceMs)))
    return keys.map(engineKeyName)
  }

  return {
    /**
     * One engine per replica: those of earlier operations end first, also what no workflow remembers. Of the starts before,
     * only the last one's log is kept.
     */
    launchEngine: ({ key, spec }: Engine): Promise<LaunchedEngine> =>
      beating(2_000, async () => {
        await stopAll((other) => isOutdated(other, key), GRACE_MS)
        return launcher.launch(key, spec)
      }),

    /** Ready means one completed inference on the address that clients use. */
    proveReady: ({ key, spec }: Engine): Promise<Proof> =>
      beating(1_000, (signal, note) => proveReady({ launcher, client }, { key, spec }, signal, note)),

    stopEngine: ({ key, graceSeconds }: { key: EngineKey; graceSeconds: number }): Promise<void> =>
      beating(2_000, () => launcher.stop(key, graceSeconds * 1_000)),

    /** Stops whatever runs under an endpoint's name here, also what no workflow remembers, and answers what it stopped. */
    stopEndpoint: ({ endpoint, graceSeconds }: { endpoint: string; graceSeconds: number }): Promise<string[]> =>
      beating(2_000, () => stopAll((key) => key.endpoint === endpoint, graceSeconds * 1_000)),
  }
}

/** An engine of the same replica that an earlier operation started, or an earlier start but the last. */
function isOutdated(other: EngineKey, key: EngineKey): boolean {
  if (other.endpoint !== key.endpoint || other.replica !== key.replica) return false
  return other.fence < key.fence || (other.fence === key.fence && other.launch < key.launch - 1)
}
