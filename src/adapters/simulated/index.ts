import type { Card } from '../../domain/hardware.js'
import type { NodeProbe } from '../../ports/node-probe.js'
import { inspectCaptures, type InspectedCaptures } from '../rocm/captures.js'
import { liveEntries } from './entries.js'
import { withEntries } from './hold-memory.js'

export type SimulatedProbeOptions = {
  /** Folder that `aim node capture` wrote. */
  captures: string
  /** Where engines and tests say which GPU memory they hold. */
  held: string
  cards: () => Promise<readonly Card[]>
  /** Tells the rest: programs, weights, disk, labels. */
  machine: NodeProbe
}

/**
 * A virtual node: the GPUs, processors and memory of a captured machine, the programs and the disk of this one. Everything says that it is
 * simulated. @throws AimError `InvalidInput` for what is no folder of captures.
 */
export function createSimulatedProbe({ captures, held, cards, machine }: SimulatedProbeOptions): NodeProbe {
  // What was captured does not change.
  let captured: Promise<InspectedCaptures> | null = null
  const look = () => (captured ??= cards().then((table) => inspectCaptures(captures, table, 'AIM_SIMULATE')))
  return {
    async inspect() {
      const [{ gpus, rocm, problems, machine: told }, entries, here] = await Promise.all([look(), liveEntries(held), machine.inspect()])
      return {
        ...here,
        cpus: told?.cpus ?? here.cpus,
        memoryTotalBytes: told?.memory_total_bytes ?? here.memoryTotalBytes,
        memoryFreeBytes: told?.memory_free_bytes ?? here.memoryFreeBytes,
        gpus: gpus.map((gpu) => withEntries(gpu, entries)),
        rocm,
        problems,
        simulated: true,
      }
    },
  }
}
