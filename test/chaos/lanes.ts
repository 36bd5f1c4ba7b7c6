import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findFakeTime } from './clock.js'
import { readOutcomes, type Seeds } from './outcomes.js'
import { keepReport, saveFigures, summaryOf } from './report.js'
import { scheduleOf } from './schedule.js'

type Asked = Seeds & { lanes: number; resume: string | null; save: boolean }

/** Shares the seeds out among as many processes, each with machines and a cluster of its own: most of a run is waiting. Answers the exit code. */
export async function runInLanes({ lanes, runs, seed, fault, resume, save }: Asked): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'aim-chaos-lanes-'))
  try {
    // Once, before all ask for it.
    findFakeTime()
    const file = resume ?? join(folder, 'outcomes.jsonl')
    const codes = await Promise.all(shares(runs, seed, lanes).map((share, lane) => run({ ...share, fault }, file, lane + 1)))
    const asked = new Map(Array.from({ length: runs }, (_, index) => [seed + index, scheduleOf(seed + index, fault).fault]))
    const outcomes = readOutcomes(file).filter((known) => asked.get(known.seed) === known.fault)
    const skipped = runs - outcomes.length
    process.stdout.write(`${summaryOf(outcomes, skipped)}\n`)
    keepReport(outcomes, skipped)
    const code = Math.max(...codes)
    // A lane that broke off has seeds of which nothing is known; what is known to be broken is kept.
    if (save && (code === 0 || skipped === 0)) await saveFigures(outcomes)
    return code
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Neighbours in the same lane: seeds beside each other have different faults. */
function shares(runs: number, seed: number, lanes: number): { runs: number; seed: number }[] {
  const first = (lane: number): number => Math.round((runs * lane) / lanes)
  return Array.from({ length: lanes }, (_, lane) => ({ runs: first(lane + 1) - first(lane), seed: seed + first(lane) })).filter(
    (share) => share.runs > 0,
  )
}

async function run({ runs, seed, fault }: Seeds, file: string, lane: number): Promise<number> {
  const [script = ''] = process.argv.slice(1)
  const asked = ['--runs', `${runs}`, '--seed', `${seed}`, ...(fault === null ? [] : ['--fault', fault]), '--resume', file]
  const { AIM_TEST_REPORT: _, ...env } = process.env
  const child = spawn(process.execPath, [...process.execArgv, script, ...asked], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  // At the terminal a signal reaches the lanes as well; they end their runs, and this waits for them.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => child.kill(name))
  createInterface(child.stdout).on('line', (line) => process.stdout.write(`[${lane}] ${line}\n`))
  const [code] = (await once(child, 'close')) as [number | null]
  return code ?? 1
}
