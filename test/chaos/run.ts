import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import type { OperationProgress } from '../../src/contracts/deploy.js'
import { PROGRESS_QUERY } from '../../src/contracts/messages.js'
import { NODE_QUERY, NODE_UPDATES, type NodeView } from '../../src/contracts/node-owner.js'
import { workflowIds } from '../../src/contracts/workflow-ids.js'
import type { ChaosCluster } from './cluster.js'
import { collectFacts, viewOf, type Wanted } from './facts.js'
import { STRIKES } from './faults.js'
import { violationsOf, type Facts, type Violation } from './invariants.js'
import { deploy, needlessFailures, patiently, stop, wantedOf, type Operation } from './operations.js'
import { watchSharing } from './sharing.js'
import { classOf, NODES, type Schedule } from './schedule.js'

/**
 * `convergedMs`: from the strike, or from the end of a fault that lasts, until everything stood as it should; null: it did not within the limit.
 * `degraded`: endpoints that were left, with the reason.
 */
export type Outcome = {
  seed: number
  fault: Schedule['fault']
  convergedMs: number | null
  tookMs: number
  violations: Violation[]
  degraded?: string[]
  /** Operations that did not end well: what the fault may do, kept for people. */
  failures: string[]
  /** What was found last, when something does not hold. */
  facts: Facts | null
}

const LOOK_MS = 300
const STANDING_MS = 60_000
const CLEAR_MS = 30_000
/** A step that never comes does not keep the fault from striking. */
const STEP_LIMIT_MS = 10_000

/** One run: deploys and stops, the fault in the middle of them, and a look at everything afterwards. Leaves an empty cluster. */
export async function runSchedule(cluster: ChaosCluster, schedule: Schedule, note: (line: string) => void): Promise<Outcome> {
  const begun = new Date()
  const { client } = cluster
  const fault = STRIKES[schedule.fault]
  const operations: Operation[] = []
  const started = (operation: Operation): void => void operations.push(operation)
  const strike = { cluster, schedule, started }
  const sharing = watchSharing(cluster.root)
  let degraded: string[] = []
  const end = (violations: Violation[], convergedMs: number | null, facts: Facts | null): Outcome => ({
    seed: schedule.seed,
    fault: schedule.fault,
    convergedMs,
    tookMs: Date.now() - begun.getTime(),
    violations,
    degraded,
    failures: operations.flatMap(({ kind, endpoint, failure }) => (failure === null ? [] : [`${kind} ${endpoint}: ${failure}`])),
    facts,
  })

  try {
    await fault.before?.(strike)
    for (const planned of schedule.endpoints) if (planned.standing) started(deploy(client, planned))
    await within(STANDING_MS, Promise.all(operations.map(({ done }) => done)))
    const actions = schedule.endpoints.map(async (planned) => {
      const { name, standing, deployAfterMs, stopAfterMs } = planned
      if (!standing) await sleep(deployAfterMs).then(() => started(deploy(client, planned)))
      if (stopAfterMs !== null) await sleep(stopAfterMs).then(() => started(stop(client, name)))
    })
    const all = Promise.all(actions).then(() => Date.now())
    await moment(cluster, schedule)
    const struck = Date.now()
    note(`strikes after ${struck - begun.getTime()} ms`)
    const over = await fault.strike(strike)
    const { seconds, lasts = false, degrades = false } = classOf(schedule.fault)
    if (lasts) await sleep(schedule.lastsMs)
    await over()
    const ended = Date.now()
    const begunAll = await all
    // What a person begins after the strike has the same time.
    const from = Math.max(lasts ? ended : struck, begunAll)
    const wanted = (): Wanted =>
      new Map(schedule.endpoints.map(({ name }) => [name, wantedOf(operations.filter(({ endpoint }) => endpoint === name))]))
    const look = (what: Wanted): Promise<Facts> =>
      collectFacts(cluster, {
        wanted: what,
        since: begun,
        shared: sharing.found,
        mayDegrade: degrades,
        needless: needlessFailures(operations, schedule.fault),
      })
    const settled = await settle(from, seconds * 1_000, () => look(wanted()))
    degraded = (settled.facts?.endpoints ?? []).flatMap(({ name, view }) =>
      view?.phase === 'degraded' ? [`${name}: ${view.reason ?? 'no reason'}`] : [],
    )
    if (settled.violations.length > 0) {
      const broken = end(settled.violations, null, settled.facts)
      await abandon(client, operations)
      return broken
    }
    note(`stands after ${settled.ms} ms${healed(settled.facts)}`)

    await fault.after?.(strike)
    await clear(cluster, schedule)
    const none: Wanted = new Map(schedule.endpoints.map(({ name }) => [name, 'stopped']))
    const cleared = await settle(Date.now(), CLEAR_MS, () => look(none))
    return end(cleared.violations, settled.ms, cleared.violations.length > 0 ? cleared.facts : null)
  } finally {
    sharing.close()
  }
}

/** What endpoints did about it themselves. */
function healed(facts: Facts | null): string {
  const steps =
    facts?.endpoints.flatMap(({ name, view }) => (view?.healing ?? []).map(({ did, outcome }) => `${name}: ${did} ${outcome}`)) ?? []
  return steps.length === 0 ? '' : `; ${steps.join(', ')}`
}

/** Waits until the fault is to strike. */
async function moment({ client }: ChaosCluster, { step, endpoint, strikeAfterMs }: Schedule): Promise<void> {
  if (step === null) {
    await sleep(strikeAfterMs)
    return
  }
  const limit = Date.now() + STEP_LIMIT_MS
  const handle = client.workflow.getHandle(workflowIds.deploy(endpoint))
  while (Date.now() < limit) {
    const { steps } = await handle.query<OperationProgress>(PROGRESS_QUERY).catch(() => ({ steps: [] })) // it has not begun
    const at = steps.find((one) => one.step === step)
    if (at !== undefined && at.state !== 'waiting') return
    await sleep(10)
  }
}

/** Looks until nothing is wrong twice in a row, or the time is up. */
async function settle(
  begun: number,
  limitMs: number,
  look: () => Promise<Facts>,
): Promise<{ ms: number; violations: Violation[]; facts: Facts | null }> {
  let sound: number | null = null
  for (;;) {
    const seen = await look().then(
      (facts) => ({ facts, violations: violationsOf(facts) }),
      (error: unknown) => ({
        facts: null,
        violations: [{ invariant: 'every node is ready' as const, what: `nothing can be seen: ${String(error)}` }],
      }),
    )
    if (seen.violations.length === 0) {
      if (sound !== null) return { ...seen, ms: sound, violations: sound > limitMs ? [tooLate(sound)] : [] }
      sound = Date.now() - begun
    } else {
      sound = null
      if (Date.now() - begun > limitMs) return { ms: Date.now() - begun, ...seen }
    }
    await sleep(LOOK_MS)
  }
}

const tooLate = (ms: number): Violation => ({ invariant: 'every flow ends', what: `all stands only after ${ms} ms` })

/** Nobody waits any more for what did not end. */
async function abandon(client: Client, operations: Operation[]): Promise<void> {
  for (const { workflowId, endedAt } of operations) {
    if (endedAt === null)
      await client.workflow
        .getHandle(workflowId)
        .terminate('given up')
        .catch(() => {}) // it has just ended
  }
  await within(STANDING_MS, Promise.all(operations.map(({ done }) => done)))
}

/** Stops what is left and forgets which GPUs are in quarantine, so that the next run begins with nothing. */
async function clear(cluster: ChaosCluster, { endpoints }: Schedule): Promise<void> {
  const { client } = cluster
  await Promise.all(
    endpoints.map(async ({ name }) => {
      if ((await patiently(() => viewOf(client, name))) !== null) await stop(client, name).done
    }),
  )
  cluster.engine.clear()
  await clearQuarantines(client)
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, sleep(ms)])
}

/** As `aim node clear` does it. */
async function clearQuarantines(client: Client): Promise<void> {
  for (const name of NODES) {
    const handle = client.workflow.getHandle(workflowIds.node(name))
    const { quarantined } = await patiently(() => handle.query<NodeView>(NODE_QUERY))
    for (const { gpu } of quarantined) await handle.executeUpdate(NODE_UPDATES.clear, { args: [{ gpu }] })
  }
}
