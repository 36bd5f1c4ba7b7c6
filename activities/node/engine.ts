import { GRACE_SECONDS, engineKeyName, type EngineKey, type EngineSpec } from '../../src/domain/engine.js'
import type { CacheLedger } from '../../src/ports/cache-ledger.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher, LaunchedEngine } from '../../src/ports/engine-launcher.js'
import { beating } from '../beat.js'
import { proveReady, type Proof } from './readiness.js'
import { releaseEndpoint, tellServed } from './tell-ledger.js'

type Ports = { namespace: string; launcher: EngineLauncher; client: EngineClient; ledger: CacheLedger }
type Engine = { key: EngineKey; spec: EngineSpec }
type Stop = { endpoint: string; graceSeconds: number; fence?: number; release?: boolean }

/** The life of one engine: launch, proof, stop. */
export function engineActivities({ namespace, launcher, client, ledger }: Ports) {
  const stopAll = async (which: (key: EngineKey, running: boolean) => boolean, graceMs: number): Promise<string[]> => {
    const engines = (await launcher.list()).map(({ key, state }) => ({ key, running: state.phase === 'running' }))
    const ours = engines.filter(({ key, running }) => key.namespace === namespace && which(key, running))
    await Promise.all(ours.map(({ key }) => launcher.stop(key, graceMs)))
    return ours.filter(({ running }) => running).map(({ key }) => engineKeyName(key))
  }

  return {
    /**
     * One engine per replica: all others of it end first, also what no workflow remembers. Of the starts before, only the log
     * of the last is kept.
     */
    launchEngine: ({ key, spec }: Engine): Promise<LaunchedEngine> =>
      beating(2_000, async () => {
        await stopAll((other, running) => isOutdated(other, running, key), GRACE_SECONDS * 1_000)
        return launcher.launch(key, spec)
      }),

    /** Ready means one completed inference on the address that clients use. The cache hears what the endpoint serves. */
    proveReady: ({ key, spec }: Engine): Promise<Proof> =>
      beating(1_000, async (signal, note) => {
        const proof = await proveReady({ launcher, client }, { key, spec }, signal, note)
        await tellServed(ledger, key.endpoint, spec.modelPath)
        return proof
      }),

    stopEngine: ({ key, graceSeconds }: { key: EngineKey; graceSeconds: number }): Promise<void> =>
      beating(2_000, () => launcher.stop(key, graceSeconds * 1_000)),

    /** For an engine that was given up: its record and its log stay when it has ended by itself. */
    stopIfRunning: ({ key }: { key: EngineKey }): Promise<void> =>
      beating(2_000, async () => {
        if ((await launcher.inspect(key)).phase === 'running') await launcher.stop(key, GRACE_SECONDS * 1_000)
      }),

    /**
     * Stops whatever runs under an endpoint's name here, also what no workflow remembers, and answers what it stopped. `fence`
     * limits it to what one operation started; `release`: it is out of service for good, and the cache hears of it.
     */
    stopEndpoint: ({ endpoint, graceSeconds, fence, release = false }: Stop): Promise<string[]> =>
      beating(2_000, async () => {
        const stopped = await stopAll((key) => key.endpoint === endpoint && key.fence === (fence ?? key.fence), graceSeconds * 1_000)
        if (release) await releaseEndpoint(ledger, endpoint)
        return stopped
      }),
  }
}

/** Another engine of the same replica that still runs, or the record of one before the last. */
function isOutdated(other: EngineKey, running: boolean, key: EngineKey): boolean {
  if (other.endpoint !== key.endpoint || other.replica !== key.replica || other.fence > key.fence) return false
  if (other.fence < key.fence) return true
  return running ? other.launch < key.launch : other.launch < key.launch - 1
}
