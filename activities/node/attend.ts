import { setTimeout as delay } from 'node:timers/promises'
import { GRACE_SECONDS, type EngineKey } from '../../src/domain/engine.js'
import type { Registered } from '../../src/contracts/node-owner.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import type { FenceStore } from '../../src/ports/fence-store.js'
import type { NodeDesk } from '../../src/ports/node-desk.js'
import { beating } from '../beat.js'

type Ports = { namespace: string; launcher: EngineLauncher; fences: Pick<FenceStore, 'admitOnly'>; desk: NodeDesk }

/** One attendance lasts this long; the next follows at once. */
const ATTEND_MS = 12 * 60 * 60_000
const BEAT_MS = 1_000

/** That a node answers costs no history: one long activity that beats. */
export function attendActivities({ namespace, launcher, fences, desk }: Ports) {
  return {
    /** First of all, whatever has no place here any more is stopped; only then is the node there for new work. */
    attendNode: ({ turn }: { turn: number }): Promise<void> =>
      beating(BEAT_MS, async (signal) => {
        const allowed = await desk.register(turn)
        fences.admitOnly(allowed)
        const engines = (await launcher.list()).filter(({ key, state }) => state.phase === 'running' && key.namespace === namespace)
        const strays = engines.filter(({ key }) => isStray(key, allowed))
        await Promise.all(strays.map(({ key }) => launcher.stop(key, GRACE_SECONDS * 1_000)))
        await desk.arrive(turn)
        await delay(ATTEND_MS, undefined, { signal })
      }),
  }
}

/** Its lease has moved on. One with a higher fence was granted after the answer. */
function isStray(key: EngineKey, { fence, leases }: Registered): boolean {
  const leased = leases.some((lease) => lease.endpoint === key.endpoint && lease.replica === key.replica && lease.fence === key.fence)
  return !leased && key.fence <= fence
}
