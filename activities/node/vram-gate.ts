import { setTimeout as delay } from 'node:timers/promises'
import { AimError } from '../../src/contracts/errors.js'
import type { EngineSpec } from '../../src/domain/engine.js'
import { hasRoom, holdMemory, isFree, neededBytes } from '../../src/domain/gpu-use.js'
import type { StuckGpu } from '../../src/domain/lease.js'
import type { Gpu } from '../../src/domain/node.js'
import type { EngineLauncher, EngineProcess } from '../../src/ports/engine-launcher.js'
import type { NodeProbe } from '../../src/ports/node-probe.js'

export type GatePorts = {
  nodeId: string
  namespace: string
  probe: NodeProbe
  launcher: Pick<EngineLauncher, 'processes' | 'reap'>
  /** Milliseconds that a driver may take to give memory back; absent: 20 s. */
  freeWithinMs?: number
}
export type VramGate = ReturnType<typeof vramGate>

/** A driver gives memory back within seconds of a process's end. */
const FREE_WITHIN_MS = 20_000
/** How often it looks, and how long somebody else's process must be seen: a driver lists one a moment longer than it lives. */
const LOOK_MS = 250
const FOREIGN_MS = 1_000
/** After a stop, memory that has not grown for this long, and does for another start, is all that comes back. */
const SETTLED_MS = 2_000

/** A GPU that somebody uses, what must be free of it, and whose processes hold it that are not ours. */
type Taken = { gpu: Gpu; needed: number; foreign: Gpu['processes'] }

/**
 * GPU memory is free before a launch and after a stop: as much of it as the engine needs. What is left of our own engines is ended; nobody
 * else's process is touched.
 */
export function vramGate({ nodeId, namespace, probe, launcher, freeWithinMs = FREE_WITHIN_MS }: GatePorts) {
  /** Those that somebody uses. `served`: one that an engine of ours runs on may be taken, unless it should have ended: `undying`. */
  const takenOf = async (specs: readonly EngineSpec[], served: boolean, undying: readonly EngineProcess[] = []) => {
    const [gpus, marked] = await Promise.all([look(specs.flatMap((spec) => spec.gpus)), launcher.processes(namespace)])
    // One that hangs while it ends may have lost its mark.
    const own = [...marked.filter(({ engine }) => !undying.some((one) => one.engine === engine)), ...undying]
    const taken = gpus
      .filter((gpu) => !isFree(gpu) && !(served && isServed(gpu, own)))
      .map((gpu) => ({ gpu, needed: needOf(gpu, specs), foreign: foreignOn(gpu, own) }))
    return { taken, own }
  }

  /** Until `isEnough`, or the time is over, or others hold them for certain. Answers those that are still in the way. */
  const wait = async (
    find: () => Promise<{ taken: Taken[]; own: EngineProcess[] }>,
    isEnough: (taken: Taken[], own: EngineProcess[]) => boolean,
    signal: AbortSignal,
  ): Promise<Taken[]> => {
    const started = Date.now()
    for (;;) {
      const { taken, own } = await find()
      if (taken.length === 0 || isEnough(taken, own)) return []
      const waited = Date.now() - started
      if (waited >= freeWithinMs || (waited >= FOREIGN_MS && taken.some(isForeign))) return taken.filter(isInTheWay)
      await reap(taken, own)
      await delay(LOOK_MS, undefined, { signal })
    }
  }

  const look = async (indices: readonly number[]): Promise<Gpu[]> =>
    (await probe.inspect()).gpus.filter(({ index }) => indices.includes(index))

  /** One of ours that does not run and is, or was, on these GPUs; or of which nothing is known any more. */
  const reap = async (taken: readonly Taken[], own: readonly EngineProcess[]): Promise<void> => {
    const left = own.filter((one) => !one.live && (one.gpus === null || taken.some(({ gpu }) => isLeftOn(gpu, [one]))))
    if (left.length > 0)
      await launcher.reap(
        namespace,
        left.map(({ pid }) => pid),
      )
  }

  return {
    /** Before a launch. @throws AimError `GpuForeign` naming the process, `GpuHeld` when nobody holds what is missing. */
    async open(spec: EngineSpec, signal: AbortSignal): Promise<void> {
      if (spec.gpus.length === 0) return
      const isEnough = (taken: Taken[], own: EngineProcess[]) => !taken.some((one) => isInTheWay(one) || isLeftOn(one.gpu, own))
      const taken = await wait(() => takenOf([spec], false), isEnough, signal)
      const foreign = taken.find(isForeign)
      if (foreign !== undefined) throw gpuForeign(nodeId, foreign)
      const [first] = taken
      if (first !== undefined) throw gpuHeld(nodeId, first)
    },

    /**
     * After a stop: GPUs whose memory does not do for the same engine again. One that somebody else uses by now is none of them. `undying`: what
     * SIGKILL did not end.
     */
    async stuck(specs: readonly EngineSpec[], signal: AbortSignal, undying: readonly EngineProcess[] = []): Promise<StuckGpu[]> {
      if (specs.every(({ gpus }) => gpus.length === 0)) return []
      const settled = growth()
      const isEnough = (taken: Taken[], own: EngineProcess[]) =>
        settled(taken) && !taken.some((one) => isInTheWay(one) || isLeftOn(one.gpu, own))
      const taken = await wait(() => takenOf(specs, true, undying), isEnough, signal)
      return taken
        .filter((one) => !isForeign(one))
        .map((one) => ({ gpu: one.gpu.index, why: gpuHeld(nodeId, one).message, freeBytes: one.needed }))
    },
  }
}

/** Tells whether memory has come back to none of the GPUs for a while. */
function growth(): (taken: readonly Taken[]) => boolean {
  let [free, since] = [-1, Date.now()]
  return (taken) => {
    const now = taken.reduce((sum, { gpu }) => sum + (gpu.vramFreeBytes ?? 0), 0)
    if (now !== free) [free, since] = [now, Date.now()]
    return Date.now() - since >= SETTLED_MS
  }
}

/** What the hungriest of the engines needs of it. */
function needOf({ index, vramTotalBytes }: Gpu, specs: readonly EngineSpec[]): number {
  return Math.max(...specs.filter(({ gpus }) => gpus.includes(index)).map((spec) => neededBytes(spec, vramTotalBytes)))
}

const isInTheWay = (one: Taken): boolean => isForeign(one) || !hasRoom(one.gpu, one.needed)

/** Something of ours that has ended still holds memory there. */
function isLeftOn({ index, processes }: Gpu, own: readonly EngineProcess[]): boolean {
  return own.some(({ live, pid, gpus }) => !live && (gpus?.includes(index) === true || processes.some((process) => process.pid === pid)))
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

function gpuHeld(node: string, { gpu: { index, vramFreeBytes }, needed }: Taken): AimError {
  return new AimError('GpuHeld', { gpu: index, node, free: vramFreeBytes ?? 0, needed })
}
