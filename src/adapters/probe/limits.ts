import { readFile } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { join } from 'node:path'

/** What this machine, or the cgroup that holds us, lets our engines use. Memory in bytes. */
export type Limits = { cpus: number; memoryTotalBytes: number; memoryFreeBytes: number }

/** Reads the limits of cgroup v2 and, through Node, of v1. `root` is `/` but in tests. */
export async function inspectLimits(root: string): Promise<Limits> {
  const group = await ownGroup(root)
  const read = (name: string): Promise<string | null> => readText(join(group, name))
  const [quota, max, current, stat] = await Promise.all([read('cpu.max'), read('memory.max'), read('memory.current'), read('memory.stat')])
  const constrained = process.constrainedMemory() || Infinity
  const total = Math.min(totalmem(), constrained, toNumber(max) ?? Infinity)
  // Cached files, weights above all, count as used in a cgroup, but the kernel gives them back.
  const reclaimable = toNumber(/^inactive_file (\d+)$/m.exec(stat ?? '')?.[1] ?? null) ?? 0
  const used = (toNumber(current) ?? 0) - reclaimable
  return {
    cpus: Math.max(1, Math.min(availableParallelism(), Math.ceil(cpusOf(quota)))),
    memoryTotalBytes: total,
    memoryFreeBytes: Math.min(freemem(), Math.max(0, total - used)),
  }
}

async function ownGroup(root: string): Promise<string> {
  const [, path] = /^0::(\/.*)$/m.exec((await readText(join(root, 'proc/self/cgroup'))) ?? '') ?? []
  return join(root, 'sys/fs/cgroup', path ?? '/')
}

/** `max 100000` is no limit, `150000 100000` is one and a half. */
function cpusOf(quota: string | null): number {
  const [, allowed, period] = /^(\d+) (\d+)/.exec(quota ?? '') ?? []
  return allowed === undefined ? Infinity : Number(allowed) / Number(period)
}

function toNumber(text: string | null): number | null {
  return text !== null && /^\d+\s*$/.test(text) ? Number(text) : null
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return null // no such limit here
  }
}
