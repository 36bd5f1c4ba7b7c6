import { existsSync, readFileSync } from 'node:fs'
import type { Outcome } from './run.js'
import type { FaultName } from './schedule.js'

/** The seeds S, S+1, ...; with one fault for all, or each with its own. */
export type Seeds = { runs: number; seed: number; fault: FaultName | null }

/** What was kept of earlier runs, one a line. */
export function readOutcomes(file: string): Outcome[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Outcome)
}
