import { setTimeout as sleep } from 'node:timers/promises'
import { isAlive, type ProcessIdentity } from './identity.js'
import { findTree, type Marker, type Tree } from './tree.js'

const POLL_MS = 50
/** Milliseconds for what is left once the main process has ended by itself, to free what it holds. */
const LEFTOVER_MS = 1_000
/** A process in the kernel (a hung GPU driver) may take long to die, or never does. */
const KILL_MS = 30_000

/**
 * Ends an engine with all its processes: SIGTERM to its group, SIGKILL to whatever lives after `graceMs`. Returns when none is left, or `killMs`
 * after that: then with the pids of those that are stuck in the kernel.
 */
export async function endTree(marker: Marker, engine: ProcessIdentity | null, graceMs: number, killMs = KILL_MS): Promise<number[]> {
  let tree = findTree(marker, engine)
  const refresh = (): Tree => (tree = findTree(marker, engine, tree))
  if (engine !== null && isAlive(engine)) {
    signal(-engine.pid, 'SIGTERM')
    await until(() => !isAlive(engine), graceMs)
    await until(() => refresh().size === 0, Math.min(graceMs, LEFTOVER_MS))
  }
  await until(() => {
    // Again and again, because a process may fork while its siblings are being killed.
    for (const pid of refresh().keys()) signal(pid, 'SIGKILL')
    return tree.size === 0
  }, killMs)
  return [...tree.keys()]
}

/** Ends one process of ours, unless its number belongs to another by now. */
export async function endProcess(identity: ProcessIdentity): Promise<void> {
  if (isAlive(identity)) signal(identity.pid, 'SIGKILL')
  await until(() => !isAlive(identity), KILL_MS)
}

/** Polls; false when `ms` pass first. Looks at least once. */
async function until(condition: () => boolean, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms
  for (;;) {
    if (condition()) return true
    const left = deadline - performance.now()
    if (left <= 0) return false
    await sleep(Math.min(POLL_MS, left))
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // It has ended in between, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
