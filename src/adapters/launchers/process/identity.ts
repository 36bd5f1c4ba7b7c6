import { readFileSync } from 'node:fs'

/** One process, for certain: a pid alone is given to others after it ends. `startTime` in clock ticks since this boot. */
export type ProcessIdentity = { pid: number; startTime: number; bootId: string }

export type ProcessStat = { pid: number; ppid: number; session: number; startTime: number; ended: boolean }

let boot: string | undefined

/** Id of this boot of the kernel: a record of another boot names no process of this one. */
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return boot
}

/** Reads `/proc/<pid>/stat`; null when there is no such process. A zombie counts as ended: it only waits for its parent. */
export function readStat(pid: number): ProcessStat | null {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null // gone, which is the answer
  }
  // The second field is the name in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, ppid, , session] = fields
  return { pid, ppid: Number(ppid), session: Number(session), startTime: Number(fields[19]), ended: state === 'Z' || state === 'X' }
}

/** Identity of a process that exists, also of one that has just ended and was not reaped. */
export function identify(pid: number): ProcessIdentity {
  const stat = readStat(pid)
  if (stat === null) throw new Error(`no process ${pid}`)
  return { pid, startTime: stat.startTime, bootId: bootId() }
}

export function isAlive({ pid, startTime, bootId: at }: ProcessIdentity): boolean {
  if (at !== bootId()) return false
  const stat = readStat(pid)
  return stat !== null && !stat.ended && stat.startTime === startTime
}
