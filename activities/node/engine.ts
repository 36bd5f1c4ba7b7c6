import { engineKeyName, type EngineKey, type EngineSpec } from '../../src/domain/engine.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher, LaunchedEngine } from '../../src/ports/engine-launcher.js'
import { beating } from '../beat.js'
import { proveReady, type Proof } from './readiness.js'

type Ports = { namespace: string; launcher: EngineLauncher; client: EngineClient }
type Engine = { key: EngineKey; spec: EngineSpec }
type StopEndpoint = { endpoint: string; graceSeconds: number; belowFence?: number }

/** The life of one engine: launch, proof, stop. */
export function engineActivities({ namespace, launcher, client }: Ports) {
  return {
    /** Of the starts before, only the last one's log is kept. */
    async launchEngine({ key, spec }: Engine): Promise<LaunchedEngine> {
      const launched = await launcher.launch(key, spec)
      if (key.launch > 2) await launcher.stop({ ...key, launch: key.launch - 2 }, 0)
      return launched
    },

    /** Ready means one completed inference on the address that clients use. */
    proveReady: ({ key, spec }: Engine): Promise<Proof> =>
      beating(1_000, (signal, note) => proveReady({ launcher, client }, { key, spec }, signal, note)),

    stopEngine: ({ key, graceSeconds }: { key: EngineKey; graceSeconds: number }): Promise<void> =>
      beating(2_000, () => launcher.stop(key, graceSeconds * 1_000)),

    /**
     * Stops whatever runs under an endpoint's name here, also what no workflow remembers, and answers what it stopped.
     * `belowFence` spares the engines of newer operations.
     */
    stopEndpoint: ({ endpoint, graceSeconds, belowFence = Number.POSITIVE_INFINITY }: StopEndpoint): Promise<string[]> =>
      beating(2_000, async () => {
        const ours = (await launcher.list()).filter(
          ({ key }) => key.namespace === namespace && key.endpoint === endpoint && key.fence < belowFence,
        )
        await Promise.all(ours.map(({ key }) => launcher.stop(key, graceSeconds * 1_000)))
        return ours.map(({ key }) => engineKeyName(key))
      }),
  }
}
