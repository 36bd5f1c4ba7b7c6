import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findFakeTime } from './clock.js'
import { startChaosCluster, type ChaosCluster } from './cluster.js'
import type { Machines } from './machines.js'
import { readOutcomes, type Seeds } from './outcomes.js'
import { keepReport, saveFigures, summaryOf } from './report.js'
import { runSchedule, type Outcome } from './run.js'
import { describe, scheduleOf, type Schedule } from './schedule.js'

export type Asked = Seeds & {
  machines: Machines
  root: string
  /** File of outcomes, one a line: what is in it is not run again. */
  resume: string | null
  save: boolean
}

/** Runs the seeds one after the other on one cluster; one that broke something gets no successor on it. Answers the exit code. */
export async function runSeeds(asked: Asked): Promise<number> {
  const { machines, root, runs, seed, fault, resume, save } = asked
  const outcomes: Outcome[] = resume === null ? [] : readOutcomes(resume)
  if (resume !== null) mkdirSync(dirname(resume), { recursive: true })
  let cluster: ChaosCluster | null = null
  let made = 0
  const skipped: string[] = []
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stopping.abort())
  try {
    for (let at = seed; at < seed + runs && !stopping.signal.aborted; at += 1) {
      const schedule = scheduleOf(at, fault)
      if (outcomes.some((known) => known.seed === at && known.fault === schedule.fault)) continue
      const why = whyNot(schedule, machines)
      if (why !== null) {
        skipped.push(`seed ${at}: ${schedule.fault}: ${why}`)
        continue
      }
      say(describe(schedule))
      if (cluster === null) {
        const folder = newFolder(root, (made += 1))
        cluster = await startChaosCluster(machines, folder).catch((error: unknown) => {
          keepEvidence(folder, `start-${made}`, null)
          throw error
        })
      }
      const outcome = await runSchedule(cluster, schedule, (line) => say(`  ${line}`))
      outcomes.push(outcome)
      tell(outcome)
      if (resume !== null) appendFileSync(resume, `${JSON.stringify({ ...outcome, facts: null })}\n`)
      if (outcome.violations.length > 0) {
        keepEvidence(cluster.root, `seed-${at}`, outcome)
        await cluster.close()
        cluster = null
      }
    }
  } finally {
    await cluster?.close()
  }
  for (const line of skipped) say(`skipped: ${line}`)
  say(summaryOf(outcomes, skipped.length))
  keepReport(outcomes, skipped.length)
  if (save) await saveFigures(outcomes)
  return outcomes.length > 0 && outcomes.every(({ violations }) => violations.length === 0) ? 0 : 1
}

/** What a machine must have for a fault; null: it has it. */
function whyNot({ fault, node }: Schedule, machines: Machines): string | null {
  if (fault === 'node cut off' && machines.nodes[node]?.cable.length === 0) return 'needs network namespaces'
  if (fault === 'clock stepped' && findFakeTime() === null) return 'needs libfaketime (Debian: apt-get install faketime)'
  return null
}

function newFolder(root: string, number: number): string {
  const folder = join(root, `cluster-${number}`)
  mkdirSync(folder)
  return folder
}

function tell({ convergedMs, tookMs, violations, failures }: Outcome): void {
  for (const failure of failures) say(`  not done: ${failure}`)
  for (const { invariant, what } of violations) say(`  VIOLATED ${invariant}: ${what}`)
  say(`  ${violations.length === 0 ? `holds, after ${convergedMs} ms` : 'does not hold'}; the run took ${tookMs} ms`)
}

/** Logs and facts of a run that broke something, where people find them: AIM_CHAOS_EVIDENCE, else nowhere. */
function keepEvidence(root: string, name: string, outcome: Outcome | null): void {
  const folder = process.env['AIM_CHAOS_EVIDENCE']
  if (folder === undefined) return
  const to = join(folder, name)
  cpSync(join(root, 'logs'), join(to, 'logs'), { recursive: true })
  writeFileSync(join(to, 'outcome.json'), JSON.stringify(outcome, null, 2))
}

const say = (line: string): void => void process.stdout.write(`${line}\n`)
