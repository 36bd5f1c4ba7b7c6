import { and, asc, desc, eq, inArray, isNull, max, sql } from 'drizzle-orm'
import type { AttemptRecord, DeploymentHistory, Records } from '../../ports/records.js'
import type { Database } from './database.js'
import { readMeasurements, saveMeasurement } from './measurements.js'
import { attempts, deployments, plans } from './schema.js'
import { storable } from './storable.js'

type Run = { workflowId: string; runId: string }
type Ended = Pick<typeof deployments.$inferInsert, 'state' | 'revision' | 'error' | 'result'>

/** The port over an open database whose schema is up to date. `onWarning` hears of what was asked and could not be recorded. */
export function createRecords({ db, close }: Pick<Database, 'db' | 'close'>, onWarning: (message: string) => void): Records {
  return {
    async begin(record) {
      await db
        .insert(deployments)
        .values({ ...storable(record), state: 'running' })
        .onConflictDoNothing()
    },

    /** A flow that loses its lease plans again: the last plan is the one that it follows. */
    async savePlan({ workflowId, runId }, plan) {
      const row = storable({ workflowId, runId, plan })
      await db
        .insert(plans)
        .values(row)
        .onConflictDoUpdate({ target: [plans.workflowId, plans.runId], set: { plan: row.plan } })
    },

    async saveAttempt({ startedAt, endedAt, ...attempt }) {
      const row = { ...storable(attempt), startedAt: new Date(startedAt), endedAt: new Date(endedAt) }
      await db.insert(attempts).values(row).onConflictDoNothing()
    },

    async finish({ workflowId, runId }, { state, revision, error, result }) {
      const ended: Ended = storable({ state, revision, error, result })
      const ofRun = and(eq(deployments.workflowId, workflowId), eq(deployments.runId, runId))
      const open = and(ofRun, isNull(deployments.endedAt))
      await db
        .update(deployments)
        .set({ ...ended, endedAt: sql`now()` })
        .where(open)
      const [row] = await db.select({ endedAt: deployments.endedAt }).from(deployments).where(ofRun)
      if (row === undefined && !(await finishResetRun(db, { workflowId, runId }, ended))) {
        onWarning(`${workflowId} ended as ${state}, and its beginning is not on record (run ${runId})`)
      }
    },

    async lastRevision(endpoint) {
      const [row] = await db
        .select({ last: max(deployments.revision) })
        .from(deployments)
        .where(eq(deployments.endpoint, endpoint))
      return row?.last ?? 0
    },

    saveMeasurement: (measurement) => saveMeasurement(db, measurement),
    measurements: (models) => readMeasurements(db, models),

    async history(endpoint, limit) {
      const rows = await db
        .select()
        .from(deployments)
        .leftJoin(plans, and(eq(plans.workflowId, deployments.workflowId), eq(plans.runId, deployments.runId)))
        .where(endpoint === null ? isNull(deployments.endpoint) : eq(deployments.endpoint, endpoint))
        .orderBy(desc(deployments.number))
        .limit(limit)
      const tried = await attemptsOf(
        db,
        rows.map((row) => row.deployments),
      )
      return rows.map((row) => toHistory(row.deployments, row.plans?.plan ?? null, tried.filter(isOf(row.deployments))))
    },

    close,
  }
}

/** A run that was reset in Temporal does not begin again: it goes on from the history of an earlier run, which has a row. */
async function finishResetRun(db: Database['db'], { workflowId, runId }: Run, ended: Ended): Promise<boolean> {
  const [earlier] = await db
    .select()
    .from(deployments)
    .where(eq(deployments.workflowId, workflowId))
    .orderBy(desc(deployments.number))
    .limit(1)
  if (earlier === undefined) return false
  const { number: _, ...begun } = earlier
  await db
    .insert(deployments)
    .values({ ...begun, runId, ...ended, endedAt: sql`now()` })
    .onConflictDoNothing()
  return true
}

async function attemptsOf(db: Database['db'], runs: Run[]): Promise<AttemptRecord[]> {
  if (runs.length === 0) return []
  const ids = runs.map(({ runId }) => runId)
  const rows = await db.select().from(attempts).where(inArray(attempts.runId, ids)).orderBy(asc(attempts.number))
  return rows.map((row) => ({ ...row, startedAt: row.startedAt.toISOString(), endedAt: row.endedAt.toISOString() }))
}

function toHistory(
  { number: _, ...row }: typeof deployments.$inferSelect,
  plan: DeploymentHistory['plan'],
  tried: AttemptRecord[],
): DeploymentHistory {
  return { ...row, startedAt: row.startedAt.toISOString(), endedAt: row.endedAt?.toISOString() ?? null, plan, attempts: tried }
}

const isOf = (run: Run) => (attempt: Run) => attempt.workflowId === run.workflowId && attempt.runId === run.runId
