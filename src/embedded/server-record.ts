import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { isAlive, processStartTime } from '../config/stack-file.js'

export const DATABASE_NAME = 'temporal.db'

/**
 * The server that runs on a folder, kept beside its database. Start time and boot tell its process from a later one with its pid;
 * `fresh` says that it has not yet been seen to work on a database that did not exist before it.
 */
const ServerRecord = z.object({ pid: z.int().positive(), startTime: z.int(), bootId: z.string(), fresh: z.boolean() })
export type ServerRecord = z.infer<typeof ServerRecord>

const fileIn = (dir: string): string => join(dir, 'server.json')

export function recordServer(dir: string, pid: number, fresh: boolean): ServerRecord {
  const record = { pid, startTime: processStartTime(pid) ?? 0, bootId: bootId(), fresh }
  const temporary = `${fileIn(dir)}.new`
  writeFileSync(temporary, `${JSON.stringify(record)}\n`, { mode: 0o600 })
  renameSync(temporary, fileIn(dir))
  return record
}

/**
 * Clears up after a server whose owner is gone: ends it when it still runs, and removes a database that it began and never finished.
 * Only the very process that was recorded is ended. Safe to repeat.
 */
export async function clearLeftover(dir: string, graceMs = 10_000): Promise<void> {
  const record = readRecord(dir)
  if (record === null) return
  if (record.bootId === bootId()) await endProcess(record, graceMs)
  if (record.fresh) removeDatabase(dir)
  rmSync(fileIn(dir), { force: true })
}

/** SIGTERM, then SIGKILL after `graceMs`; returns when the process is gone. */
export async function endProcess(owner: Pick<ServerRecord, 'pid' | 'startTime'>, graceMs: number): Promise<void> {
  for (const [signal, patience] of [
    ['SIGTERM', graceMs],
    ['SIGKILL', 10_000],
  ] as const) {
    if (!signalProcess(owner, signal)) return
    for (const deadline = Date.now() + patience; Date.now() < deadline; await sleep(20)) if (!isAlive(owner)) return
  }
  throw new Error(`process ${owner.pid} does not end`)
}

function signalProcess(owner: Pick<ServerRecord, 'pid' | 'startTime'>, signal: NodeJS.Signals): boolean {
  if (!isAlive(owner)) return false
  try {
    return process.kill(owner.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

function readRecord(dir: string): ServerRecord | null {
  try {
    return ServerRecord.parse(JSON.parse(readFileSync(fileIn(dir), 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`${fileIn(dir)} is not ours; remove it`, { cause: error })
  }
}

function removeDatabase(dir: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(join(dir, DATABASE_NAME + suffix), { force: true })
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}
