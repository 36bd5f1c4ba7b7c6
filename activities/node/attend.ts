import { setTimeout as delay } from 'node:timers/promises'
import { GRACE_SECONDS, engineKeyName, type EngineState } from '../../src/domain/engine.js'
import { isOver } from '../../src/domain/strays.js'
import type { Registered } from '../../src/contracts/node-owner.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import type { FenceStore } from '../../src/ports/fence-store.js'
import type { NodeDesk } from '../../src/ports/node-desk.js'
import { beating } from '../beat.js'
import { stopEngines, type Stopped } from './stop-engines.js'
import { vramGate, type GatePorts } from './vram-gate.js'

type Ports = Omit<GatePorts, 'launcher'> & { launcher: EngineLauncher; fences: FenceStore; desk: NodeDesk }

/** One attendance lasts this long; the next follows at once. */
const ATTEND_MS = 12 * 60 * 60_000
const BEAT_MS = 1_000

/** That a node answers costs no history: one long activity that beats. */
export function attendActivities(ports: Ports) {
  const { namespace, launcher, fences, desk } = ports
  const gate = vramGate(ports)
  /** Processes that SIGKILL did not end. They will, or never do: nobody waits for them twice, and their GPUs are in quarantine. */
  const undying = new Set<number>()

  /** From here on nothing starts under a lease that is over; what runs under one is stopped. */
  const keepOnly = async (kept: Registered, signal: AbortSignal): Promise<Stopped> => {
    fences.keepOnly(kept)
    const engines = (await launcher.list()).filter(({ key, state }) => state.phase === 'running' && key.namespace === namespace)
    const strays = engines.filter(({ key, state }) => isOver(key, kept) && !undying.has(pidOf(state)))
    const ended = await stopEngines({ launcher, gate }, strays, GRACE_SECONDS * 1_000, signal)
    for (const { key, state } of strays) if (!ended.stopped.includes(engineKeyName(key))) undying.add(pidOf(state))
    return ended
  }

  return {
    /** First of all, whatever has no place here any more is stopped; only then is the node there for new work, but for GPUs that stay taken. */
    attendNode: ({ turn }: { turn: number }): Promise<void> =>
      beating(BEAT_MS, async (signal) => {
        try {
          const { stuck } = await keepOnly(await desk.register(turn), signal)
          await desk.arrive(turn, stuck)
          await delay(ATTEND_MS, undefined, { signal })
        } finally {
          desk.leave(turn)
        }
      }),

    /** The same while the node is attended: a lease was freed, and whoever freed it may not have stopped what was started under it. */
    endStrays: (kept: Registered): Promise<Stopped> => beating(BEAT_MS, (signal) => keepOnly(kept, signal)),
  }
}

const pidOf = (state: EngineState): number => (state.phase === 'running' ? state.pid : 0)
