import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compiledFile } from '../../src/adapters/compiled.js'
import type { Figure } from '../../bench/figure.js'
import type { Outcome } from './run.js'
import { classOf, FAULTS, FAULT_NAMES } from './schedule.js'

const seconds = (ms: number): number => Math.round(ms / 100) / 10
const countOf = (outcomes: Outcome[]): number => outcomes.reduce((sum, { violations }) => sum + violations.length, 0)
const seedsOf = (outcomes: Outcome[]): string => {
  const seeds = outcomes.map(({ seed }) => seed)
  return `${Math.min(...seeds)}-${Math.max(...seeds)}`
}

/** The slowest run of each class that ran; null: one did not converge. */
function slowest(outcomes: Outcome[]): { fault: Outcome['fault']; runs: number; ms: number | null }[] {
  return FAULT_NAMES.flatMap((fault) => {
    const times = outcomes.filter((outcome) => outcome.fault === fault).map(({ convergedMs }) => convergedMs)
    return times.length === 0 ? [] : [{ fault, runs: times.length, ms: times.includes(null) ? null : Math.max(...times.map(Number)) }]
  })
}

export function summaryOf(outcomes: Outcome[], skipped: number): string {
  const classes = slowest(outcomes).map(
    ({ fault, runs, ms }) =>
      `  ${fault}: ${runs} runs, slowest ${ms === null ? 'did not converge' : `${seconds(ms)} s`} (limit ${FAULTS[fault].seconds} s)`,
  )
  const broken = outcomes.filter(({ violations }) => violations.length > 0).map(({ seed }) => seed)
  const degraded = outcomes.flatMap(({ seed, degraded: left = [] }) => left.map((what) => `  seed ${seed}: degraded: ${what}`))
  const total = `${outcomes.length} runs, ${countOf(outcomes)} violations${broken.length === 0 ? '' : ` (seeds ${broken.join(', ')})`}, ${skipped} skipped`
  return [...classes, ...degraded, total].join('\n')
}

/** As test runners report, for whoever adds up the results of all. */
export function keepReport(outcomes: Outcome[], skipped: number): void {
  const folder = process.env['AIM_TEST_REPORT']
  if (folder === undefined) return
  const failed = outcomes.filter(({ violations }) => violations.length > 0).length
  const report = {
    numPassedTests: outcomes.length - failed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: 0,
    testResults: [],
  }
  writeFileSync(join(folder, 'chaos.json'), JSON.stringify(report))
}

/** Keeps them beside the benchmarks' figures. */
export async function saveFigures(outcomes: Outcome[]): Promise<void> {
  const violations: Figure = {
    name: `chaos, ${outcomes.length} seeded runs (seeds ${seedsOf(outcomes)})`,
    value: countOf(outcomes),
    unit: 'invariant violations',
    peer: null,
    bar: '0',
    holds: countOf(outcomes) === 0,
  }
  const degraded: Figure = {
    name: 'chaos, endpoints that were left degraded with the reason, by a fault that may do so',
    value: outcomes.reduce((sum, { degraded: left = [] }) => sum + left.length, 0),
    unit: 'endpoints',
    peer: null,
    bar: null,
    holds: null,
  }
  const times = slowest(outcomes).map(({ fault, ms }): Figure => ({
    name: `chaos, ${fault}, slowest to stand again ${classOf(fault).lasts ? 'once it is over' : 'after the strike'}`,
    value: seconds(ms ?? Number.NaN),
    unit: 's',
    peer: null,
    bar: `<= ${FAULTS[fault].seconds} s`,
    holds: ms !== null && ms <= FAULTS[fault].seconds * 1_000,
  }))
  const { saveResults } = (await import(compiledFile('../bench/results.js'))) as typeof import('../../bench/results.js')
  await saveResults([violations, degraded, ...times])
}
