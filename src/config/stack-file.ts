import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { AimError } from '../contracts/errors.js'
import { pathsOf } from './paths.js'
import type { Settings } from './settings.js'

/** What `aim up` leaves in `paths.stackFile` while it runs. `startTime` tells its process from a later one with the same pid. */
const StackFile = z.object({
  pid: z.int().positive(),
  /** Clock ticks since boot, field 22 of `/proc/<pid>/stat`. */
  startTime: z.int().nonnegative(),
  /** Temporal, as host:port. */
  address: z.string(),
  namespace: z.string(),
  /** Web page of Temporal; null for a cluster that is not ours. */
  uiUrl: z.string().nullable(),
  apiUrl: z.string().nullable(),
  /** Hub that the stack takes models from. */
  hubUrl: z.string(),
})
export type StackFile = z.infer<typeof StackFile>

/** The running stack; null when there is none, or when the process that wrote the file has ended. */
export function readStackFile(file: string): StackFile | null {
  const stack = parseStackFile(file)
  return stack !== null && isAlive(stack) ? stack : null
}

/** Written whole or not at all: readers never see half a file. */
export function writeStackFile(file: string, stack: StackFile): void {
  mkdirSync(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}`
  writeFileSync(temporary, `${JSON.stringify(stack, null, 2)}\n`, { mode: 0o600 })
  renameSync(temporary, file)
}

/** Removes the file when it is the owner's; another stack's file stays. Safe to repeat. */
export function removeStackFile(file: string, owner: Pick<StackFile, 'pid' | 'startTime'>): void {
  const stack = parseStackFile(file)
  if (stack?.pid === owner.pid && stack.startTime === owner.startTime) rmSync(file, { force: true })
}

/** Where Temporal is to be found: the setting, else the running stack; null when neither says so. */
export function temporalOf(settings: Settings): { address: string; namespace: string } | null {
  if (settings.temporalAddress !== undefined) return { address: settings.temporalAddress, namespace: settings.temporalNamespace }
  const stack = readStackFile(pathsOf(settings).stackFile)
  return stack && { address: stack.address, namespace: stack.namespace }
}

/** True while exactly this process runs; a zombie does not. */
export function isAlive(owner: Pick<StackFile, 'pid' | 'startTime'>): boolean {
  return processStartTime(owner.pid) === owner.startTime
}

/** Start of a process in clock ticks since boot; null when it does not run. */
export function processStartTime(pid: number): number | null {
  let stat: string
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return null // no such process
  }
  // The program's name stands in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' ? null : Number(fields[19])
}

function parseStackFile(file: string): StackFile | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const result = StackFile.safeParse(parseJson(text))
  if (!result.success) throw new AimError('InvalidInput', { field: file, rule: 'is not what `aim up` writes; remove it' })
  return result.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // refused by the schema, with the file's name
  }
}
