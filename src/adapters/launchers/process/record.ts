import { closeSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineKey, EngineSpec } from '../../../domain/engine.js'
import type { Bind } from '../../../engines/engine.js'
import type { ProcessIdentity } from './identity.js'

/*
 * The folder of one launch. Imported by the shim, which stays small: node modules only.
 *
 *   spec.json    what was asked for, written before anything starts
 *   shim.json    the one shim that owns the launch; whoever creates it has won
 *   engine.json  the engine's process, written right after the spawn
 *   exit.json    how it ended
 *   engine.log   its output, and engine.log.1 … older ones
 */
export const FILES = { launch: 'spec.json', shim: 'shim.json', engine: 'engine.json', exit: 'exit.json', log: 'engine.log' } as const

/** Copy and truncate above `maxBytes`; `keep` older files; looked at every `everyMs`. */
export type LogRotation = { maxBytes: number; keep: number; everyMs: number }

export type LaunchRecord = {
  key: EngineKey
  spec: EngineSpec
  argv: [string, ...string[]]
  env: Record<string, string>
  /** Variables by which every process of the engine is found again. */
  marker: Record<string, string>
  bind: Bind
  rotation: LogRotation
}

/** `startedAt` is ISO 8601. */
export type EngineRecord = ProcessIdentity & { bind: Bind; argv: string[]; env: Record<string, string>; startedAt: string }

/** `endedAt` is ISO 8601. */
export type ExitRecord = { code: number | null; signal: string | null; endedAt: string }

/** Writes a file whole or not at all, also when the machine loses power in between. */
export function writeRecord(folder: string, name: string, value: unknown): void {
  const temporary = writeTemporary(folder, name, value)
  renameSync(temporary, join(folder, name))
}

/** The same for a file that only one process may create. False when another one has. */
export function createRecord(folder: string, name: string, value: unknown): boolean {
  const temporary = writeTemporary(folder, name, value)
  try {
    linkSync(temporary, join(folder, name))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    unlinkSync(temporary)
  }
}

/** Reads a record; null when it is not there. */
export async function readRecord<T>(folder: string, name: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(join(folder, name), 'utf8')) as T
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

function writeTemporary(folder: string, name: string, value: unknown): string {
  const temporary = join(folder, `.${name}.${process.pid}.tmp`)
  const fd = openSync(temporary, 'w', 0o600)
  try {
    writeSync(fd, JSON.stringify(value, null, 2) + '\n')
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  return temporary
}
