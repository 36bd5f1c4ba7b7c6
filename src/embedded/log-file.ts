import { copyFileSync, mkdirSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'

const LIMIT_BYTES = 5 * 1024 * 1024

/** Opens a log for appending: what is written after a truncation by `boundLog` goes to the new end. */
export function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true })
  return openSync(file, 'a', 0o600)
}

/** Keeps a log and its predecessor (`<file>.1`) under `limit` bytes each. The program that writes it may run on. */
export function boundLog(file: string, limit = LIMIT_BYTES): void {
  if (sizeOf(file) <= limit) return
  copyFileSync(file, `${file}.1`)
  truncateSync(file)
}

/** Bytes in the log now: where the next lines begin. 0 when there is no log. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/** The last lines that were written after `from` bytes. */
export function tailOf(file: string, from: number, lines: number): string[] {
  if (sizeOf(file) <= from) return []
  const text = readFileSync(file).subarray(from).toString('utf8').trimEnd()
  return text === '' ? [] : text.split('\n').slice(-lines)
}
