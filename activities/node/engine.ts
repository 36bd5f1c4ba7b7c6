import { cancellationDetails } from '@temporalio/activity'
import { AimError } from '../../src/contracts/errors.js'
import { GRACE_SECONDS, engineKeyName, type EngineKey, type EngineSpec } from '../../src/domain/engine.js'
import type { CacheLedger } from '../../src/ports/cache-ledger.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher, LaunchedEngine } from '../../src/ports/engine-launcher.js'
import type { FenceStore } from '../../src/ports/fence-store.js'
import { beating } from '../beat.js'
import { proveReady, type Proof } from './readiness.js'
import { releaseEndpoint, tellServed } from './tell-ledger.js'
import { isRunning, stopEngines, type Listed, type Stopped } from './stop-engines.js'
import { vramGate, type GatePorts } from './vram-gate.js'

type Ports = Omit<GatePorts, 'launcher'> & {
  launcher: EngineLauncher
  fences: FenceStore
  client: EngineClient
  ledger: CacheLedger
  stallMs?: number
}
type Engine = { key: EngineKey; spec: EngineSpec }
type Stop = { endpoint: string; graceSeconds: number; fence?: number; release?: boolean }

/** Milliseconds. Compiling kernels takes minutes, and logs. */
const STALL_MS = 10 * 60_000

/** The life of one engine: launch, proof, stop. */
export function engineActivities({ stallMs = STALL_MS, ...ports }: Ports) {
  const { nodeId, namespace, launcher, fences, client, ledger } = ports
  const gate = vramGate(ports)

  const ours = async (): Promise<Listed[]> => (await launcher.list()).filter(({ key }) => key.namespace === namespace)

  const named = async (key: EngineKey): Promise<Listed[]> =>
    (await ours()).filter((engine) => engineKeyName(engine.key) === engineKeyName(key))

  const stopAll = (engines: Listed[], graceMs: number, signal: AbortSignal): Promise<Stopped> =>
    stopEngines({ launcher, gate }, engines, graceMs, signal)

  return {
    /**
     * One engine per replica, and one per GPU: all that its lease has overtaken end first, also what no workflow remembers. Of the starts before,
     * only the log of the last is kept. Nothing starts before the memory of its GPUs is free.
     * @throws AimError `LeaseFenced`, `GpuForeign`, `GpuHeld`, and what the launcher throws.
     */
    launchEngine: ({ key, spec }: Engine): Promise<LaunchedEngine> =>
      beating(2_000, async (signal) => {
        const { endpoint, replica, fence } = key
        const start = { endpoint, replica, gpus: spec.gpus, fence }
        await fences.check(start)
        const engines = await ours()
        const overtaking = engines.find((other) => isRunning(other) && sharesGpu(other, spec) && other.key.fence > fence)
        if (overtaking !== undefined) throw new AimError('LeaseFenced', { fence, endpoint, node: nodeId, highest: overtaking.key.fence })
        const outdated = engines.filter((other) => isOutdated(other, key, spec))
        // One that does not end is no concern of GPUs that it does not hold; those that it holds are not free.
        await Promise.all(outdated.map((other) => launcher.stop(other.key, GRACE_SECONDS * 1_000)))
        // An engine that runs holds its memory, and one that has ended never starts again.
        if ((await launcher.inspect(key)).phase === 'absent') await gate.open(spec, signal)
        // Much may have happened at the gate: nobody wants the engine any more, or its lease was overtaken.
        await fences.check(start)
        signal.throwIfAborted()
        const launched = await launcher.launch(key, spec)
        if (cancellationDetails()?.cancelRequested) await launcher.stop(key, 0)
        signal.throwIfAborted()
        // Whoever ended this lease meanwhile saw no engine that could be stopped.
        await fences.check(start).catch(async (error: unknown) => {
          await launcher.stop(key, 0)
          throw error
        })
        return launched
      }),

    /** Ready means one completed inference on the address that clients use. The cache hears what the endpoint serves. */
    proveReady: ({ key, spec }: Engine): Promise<Proof> =>
      beating(1_000, async (signal, note) => {
        const proof = await proveReady({ launcher, client, stallMs }, { key, spec }, signal, note)
        await tellServed(ledger, key.endpoint, spec.modelPath)
        return proof
      }),

    /** Also of one that no record knows: stopping it is safe to repeat. */
    stopEngine: ({ key, graceSeconds }: { key: EngineKey; graceSeconds: number }): Promise<Stopped> =>
      beating(2_000, async (signal) => {
        const known = await named(key)
        if (known.length === 0) await launcher.stop(key, graceSeconds * 1_000)
        return stopAll(known, graceSeconds * 1_000, signal)
      }),

    /** For an engine that was given up: its record and its log stay when it has ended by itself. Its GPUs are free either way, or told. */
    stopIfRunning: ({ key }: { key: EngineKey }): Promise<Stopped> =>
      beating(2_000, async (signal) => {
        const [known] = await named(key)
        if (known === undefined || isRunning(known)) return stopAll(known === undefined ? [] : [known], GRACE_SECONDS * 1_000, signal)
        return { stopped: [], stuck: await gate.stuck([known.spec], signal), undying: [] }
      }),

    /**
     * Stops whatever runs under an endpoint's name here, also what no workflow remembers, and answers what it stopped. `fence`
     * limits it to what one operation started, and nothing starts under it any more; `release`: it is out of service for good, and the cache hears of it.
     */
    stopEndpoint: ({ endpoint, graceSeconds, fence, release = false }: Stop): Promise<Stopped> =>
      beating(2_000, async (signal) => {
        if (fence !== undefined) await fences.revoke(endpoint, fence)
        const engines = (await ours()).filter(({ key }) => key.endpoint === endpoint && key.fence === (fence ?? key.fence))
        const result = await stopAll(engines, graceSeconds * 1_000, signal)
        if (release) await releaseEndpoint(ledger, endpoint)
        return result
      }),
  }
}

const sharesGpu = ({ spec }: Pick<Listed, 'spec'>, { gpus }: EngineSpec): boolean => spec.gpus.some((gpu) => gpus.includes(gpu))

/** Another engine of the same replica, or on the same GPUs, that still runs under an older lease or start; or the record of one before the last. */
function isOutdated(other: Listed, key: EngineKey, spec: EngineSpec): boolean {
  if (other.key.endpoint !== key.endpoint || other.key.replica !== key.replica) {
    return isRunning(other) && sharesGpu(other, spec) && other.key.fence < key.fence
  }
  if (other.key.fence > key.fence) return false
  if (other.key.fence < key.fence) return true
  return isRunning(other) ? other.key.launch < key.launch : other.key.launch < key.launch - 1
}
