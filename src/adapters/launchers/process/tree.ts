import { readdirSync, readFileSync } from 'node:fs'
import { isAlive, readStat, type ProcessIdentity, type ProcessStat } from './identity.js'

/** Start times by pid. */
export type Tree = Map<number, number>

/** Variables that every process of an engine inherits. */
export type Marker = Readonly<Record<string, string>>

/**
 * Every living process of an engine: those that carry its marker in their environment, wherever they went, the session of its main
 * process while that lives, what was found `before`, and all their descendants.
 */
export function findTree(marker: Marker, engine: ProcessIdentity | null, before: Tree = new Map()): Tree {
  const processes = livingProcesses()
  const entries = Object.entries(marker).map(([name, value]) => `${name}=${value}`)
  // A session's number is given to others once all of it has ended, so it proves something only while its leader lives.
  const session = engine !== null && isAlive(engine) ? engine.pid : null
  const roots = processes.filter(
    ({ pid, session: of, startTime }) => of === session || before.get(pid) === startTime || carries(pid, entries),
  )
  return withDescendants(roots, processes)
}

export function livingProcesses(): ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && name !== '1')
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== null && !stat.ended) as ProcessStat[]
}

function carries(pid: number, entries: readonly string[]): boolean {
  const environment = environmentOf(pid)
  return entries.every((entry) => environment.includes(entry))
}

/** `NAME=value` of a process; empty when it has ended, or belongs to another user and so is not ours. */
export function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

function withDescendants(roots: ProcessStat[], processes: ProcessStat[]): Tree {
  const tree: Tree = new Map(roots.map(({ pid, startTime }) => [pid, startTime]))
  for (let grown = true; grown;) {
    const children = processes.filter(({ pid, ppid }) => tree.has(ppid) && !tree.has(pid))
    for (const { pid, startTime } of children) tree.set(pid, startTime)
    grown = children.length > 0
  }
  return tree
}
