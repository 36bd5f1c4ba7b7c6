import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * Threads to compute with: one for each real core that we may use. Hyperthreads only add waiting: llama.cpp's threads wait for each
 * other by spinning, several hundred times a token. On a machine that does other work too, fewer are faster: measured with 2 CPUs and a
 * load of 6, one thread took 9 ms a token and two 33 to 79 ms; a recipe sets `threads` for that.
 */
export function computeThreads(physicalCores: number, cpus = usableCpus()): number {
  return Math.max(1, Math.min(physicalCores, cpus))
}

/** CPUs that this process may use: its affinity mask, and the quota of its cgroup rounded up, which Node 20 does not see. */
export function usableCpus(cpuMax: string | null = readCpuMax(), parallelism = availableParallelism()): number {
  const [quota = Number.NaN, period = Number.NaN] = (cpuMax ?? '').trim().split(/\s+/).map(Number)
  const limit = Math.ceil(quota / period)
  return Number.isFinite(limit) ? Math.max(1, Math.min(parallelism, limit)) : parallelism
}

function readCpuMax(): string | null {
  try {
    return readFileSync('/sys/fs/cgroup/cpu.max', 'utf8')
  } catch {
    return null // no cgroup v2, or the root group: no quota
  }
}
