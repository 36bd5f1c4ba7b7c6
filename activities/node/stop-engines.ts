import { log } from '@temporalio/activity'
import { engineKeyName } from '../../src/domain/engine.js'
import type { StuckGpu } from '../../src/domain/lease.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import type { VramGate } from './vram-gate.js'

type Ports = { launcher: Pick<EngineLauncher, 'stop'>; gate: VramGate }
export type Listed = Awaited<ReturnType<EngineLauncher['list']>>[number]

/**
 * Names of the engines that ran and have ended; GPUs whose memory did not come back: whoever stops quarantines them; and in words, what SIGKILL
 * did not end.
 */
export type Stopped = { stopped: string[]; stuck: StuckGpu[]; undying: string[] }

/** Stops them, and waits until their GPUs are free. One that does not end keeps nobody from going on: its GPUs are told. */
export async function stopEngines({ launcher, gate }: Ports, engines: Listed[], graceMs: number, signal: AbortSignal): Promise<Stopped> {
  const ends = await Promise.all(
    engines.map(async (engine) => ({
      name: engineKeyName(engine.key),
      ran: isRunning(engine),
      gpus: engine.spec.gpus,
      left: await launcher.stop(engine.key, graceMs),
    })),
  )
  const undying = ends
    .filter(({ left }) => left.length > 0)
    .map((one) => ({ ...one, words: `process ${one.left.join(', ')} of ${one.name} does not end after SIGKILL` }))
  for (const { words } of undying) log.error(words)
  const specs = engines.map(({ spec }) => spec)
  const processes = undying.flatMap(({ name, gpus, left }) => left.map((pid) => ({ pid, engine: name, live: false, gpus })))
  const stuck = await gate.stuck(specs, signal, processes)
  return {
    stopped: ends.filter(({ ran, left }) => ran && left.length === 0).map(({ name }) => name),
    stuck: stuck.map((one) => ({ ...one, why: undying.find(({ gpus }) => gpus.includes(one.gpu))?.words ?? one.why })),
    undying: undying.map(({ words }) => words),
  }
}

export const isRunning = ({ state }: Pick<Listed, 'state'>): boolean => state.phase === 'running'
