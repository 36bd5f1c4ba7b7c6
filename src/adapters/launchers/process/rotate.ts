import { copyFileSync, existsSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import type { LogRotation } from './record.js'

/**
 * Copies the log away and truncates it, once it is larger than `maxBytes`. The engine keeps its open file, which is in append mode,
 * and so goes on at the new end; lines written between copy and truncation are lost, which is the price of not standing in the
 * way of its output.
 */
export function rotateLog(file: string, { maxBytes, keep }: Pick<LogRotation, 'maxBytes' | 'keep'>): void {
  if (statSync(file).size <= maxBytes) return
  for (let n = keep - 1; n >= 1; n--) {
    if (existsSync(`${file}.${n}`)) renameSync(`${file}.${n}`, `${file}.${n + 1}`)
  }
  try {
    if (keep > 0) copyFileSync(file, `${file}.1`)
  } catch (error) {
    // A full disk hurts the node more than a lost log does.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    rmSync(`${file}.1`, { force: true })
  }
  truncateSync(file, 0)
}
