import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Names a process for as long as its machine is up: `machine` stands for one boot and one space of pids, so that a process in a
 * container or on another node is not judged by our `/proc`. `start` is field 22 of `/proc/<pid>/stat`, in clock ticks since boot.
 */
export type ProcessIdentity = { machine: string; pid: number; start: string }

export function ownIdentity(): ProcessIdentity {
  own ??= { machine: thisMachine(), pid: process.pid, start: statOf(process.pid)?.start ?? '0' }
  return own
}

/** Whether a process of this machine still runs; null for one of another machine, which cannot be known from here. */
export function isAlive(identity: ProcessIdentity): boolean | null {
  if (identity.machine !== thisMachine()) return null
  if (identity.pid === process.pid) return identity.start === ownIdentity().start
  if (identity.start === '0') return answersSignal(identity.pid) // no /proc here
  const stat = statOf(identity.pid)
  return stat !== null && stat.start === identity.start && !'ZX'.includes(stat.state)
}

let own: ProcessIdentity | undefined
let machine: string | undefined

function thisMachine(): string {
  machine ??= createHash('sha256')
    .update(bootId() + pidSpace())
    .digest('hex')
    .slice(0, 12)
  return machine
}

function bootId(): string {
  return orElse(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'), hostname())
}

function pidSpace(): string {
  return orElse(() => readlinkSync('/proc/self/ns/pid'), '')
}

function statOf(pid: number): { state: string; start: string } | null {
  const text = orElse(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '')
  // The name, in brackets, may hold anything; fields are counted from behind it.
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const start = fields[18]
  return state && start !== undefined ? { state, start } : null
}

function answersSignal(pid: number): boolean {
  return orElse(() => process.kill(pid, 0), false)
}

/** For facts that some systems do not have. */
function orElse<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise
  }
}
