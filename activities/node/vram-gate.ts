import { setTimeout as delay } from 'node:timers/promises'
import { AimError } from '../../src/contracts/errors.js'
import { holdMemory, IDLE_BYTES, isFree } from '../../src/domain/gpu-use.js'
import type { StuckGpu } from '../../src/domain/lease.js'
import type { Gpu } from '../../src/domain/node.js'
import type { EngineLauncher, EngineProcess } from '../../src/ports/engine-launcher.js'
import type { NodeProbe } from '../../src/ports/node-probe.js'

export type GatePorts = {
  nodeId: string
  namespace: string
  probe: NodeProbe
  launcher: Pick<EngineLauncher, 'processes' | 'reap'>
  /** Milliseconds that a driver may take to give memory back. */
  freeWithinMs: number
}

/** How often it looks, and how long somebody else's process must be seen: a driver lists one a moment longer than it lives. */
const LOOK_MS = 250
const FOREIGN_MS = 1_000

/** A GPU that is not free, and whose processes hold it that are not ours. */
type Taken = { gpu: Gpu; foreign: Gpu['processes'] }

/** GPU memory is free before a launch and after a stop. What is left of our own engines is ended; nobody else's process is touched. */
export function vramGate({ nodeId, namespace, probe, launcher, freeWithinMs }: GatePorts) {
  /** Those that are not free when the time is over, or that others hold for certain. `served`: one that an engine of ours runs on may be taken. */
  const wait = async (indices: readonly number[], served: boolean, signal: AbortSignal): Promise<Taken[]> => {
    const started = Date.now()
    for (;;) {
      const [gpus, own] = await Promise.all([look(indices), launcher.processes(namespace)])
      const taken = gpus
        .filter((gpu) => !isFree(gpu) && !(served && isServed(gpu, own)))
        .map((gpu) => ({ gpu, foreign: foreignOn(gpu, own) }))
      if (taken.length === 0) return []
      const waited = Date.now() - started
      if (waited >= freeWithinMs || (waited >= FOREIGN_MS && taken.some(isForeign))) return taken
      await reap(taken, own)
      await delay(LOOK_MS, undefined, { signal })
    }
  }

  const look = async (indices: readonly number[]): Promise<Gpu[]> =>
    (await probe.inspect()).gpus.filter(({ index }) => indices.includes(index))

  /** One of ours that does not run and is, or was, on these GPUs; or of which nothing is known any more. */
  const reap = async (taken: readonly Taken[], own: readonly EngineProcess[]): Promise<void> => {
    const left = own.filter(
      ({ pid, live, gpus }) =>
        !live &&
        (gpus === null || taken.some(({ gpu }) => gpus.includes(gpu.index) || gpu.processes.some((process) => process.pid === pid))),
    )
    if (left.length > 0)
      await launcher.reap(
        namespace,
        left.map(({ pid }) => pid),
      )
  }

  return {
    /** Before a launch. @throws AimError `GpuForeign` naming the process, `GpuHeld` when nobody holds what is taken. */
    async open(gpus: readonly number[], signal: AbortSignal): Promise<void> {
      const taken = gpus.length === 0 ? [] : await wait(gpus, false, signal)
      const foreign = taken.find(isForeign)
      if (foreign !== undefined) throw gpuForeign(nodeId, foreign)
      const [first] = taken
      if (first !== undefined) throw gpuHeld(nodeId, first.gpu)
    },

    /** After a stop: GPUs whose memory does not come back. One that somebody else uses by now is none of them. */
    async stuck(gpus: readonly number[], signal: AbortSignal): Promise<StuckGpu[]> {
      const taken = gpus.length === 0 ? [] : await wait(gpus, true, signal)
      return taken.filter((one) => !isForeign(one)).map(({ gpu }) => ({ gpu: gpu.index, why: gpuHeld(nodeId, gpu).message }))
    },
  }
}

function isServed({ index }: Gpu, own: readonly EngineProcess[]): boolean {
  return own.some(({ live, gpus }) => live && gpus?.includes(index) === true)
}

function foreignOn({ processes }: Gpu, own: readonly EngineProcess[]): Gpu['processes'] {
  return processes.filter(({ pid }) => !own.some((process) => process.pid === pid))
}

function isForeign({ gpu, foreign }: Taken): boolean {
  return holdMemory({ ...gpu, processes: foreign })
}

/** Names the one that holds most. */
function gpuForeign(node: string, { gpu, foreign }: Taken): AimError {
  const [most] = foreign.toSorted((a, b) => (b.vramBytes ?? 0) - (a.vramBytes ?? 0))
  const bytes = most?.vramBytes ?? gpu.vramTotalBytes - (gpu.vramFreeBytes ?? 0)
  return new AimError('GpuForeign', { gpu: gpu.index, node, pid: most?.pid ?? 0, name: most?.name ?? 'unknown', bytes })
}

function gpuHeld(node: string, { index, vramFreeBytes, vramTotalBytes }: Gpu): AimError {
  return new AimError('GpuHeld', { gpu: index, node, free: vramFreeBytes ?? 0, needed: vramTotalBytes - IDLE_BYTES })
}
