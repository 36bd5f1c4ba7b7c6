import { bigint, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import type { Measurement } from '../../domain/measurement.js'
import type { Plan } from '../../domain/plan.js'
import type { AttemptRecord, DeploymentRecord } from '../../ports/records.js'

/** The tables as the newest migration leaves them; the SQL in `migrations/` is what makes them. */

const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' })
const run = { workflowId: text('workflow_id').notNull(), runId: text('run_id').notNull() }

export const deployments = pgTable(
  'deployments',
  {
    ...run,
    number: bigint('number', { mode: 'number' }).generatedAlwaysAsIdentity(),
    kind: text('kind').$type<DeploymentRecord['kind']>().notNull(),
    endpoint: text('endpoint'),
    revision: integer('revision'),
    actor: text('actor').notNull(),
    reason: text('reason'),
    request: jsonb('request').$type<unknown>(),
    state: text('state').$type<DeploymentRecord['state']>().notNull(),
    startedAt: time('started_at').notNull().defaultNow(),
    endedAt: time('ended_at'),
    error: jsonb('error').$type<NonNullable<DeploymentRecord['error']>>(),
    result: jsonb('result').$type<unknown>(),
  },
  (table) => [primaryKey({ columns: [table.workflowId, table.runId] })],
)

export const plans = pgTable('plans', { ...run, plan: jsonb('plan').$type<Plan>().notNull() }, (table) => [
  primaryKey({ columns: [table.workflowId, table.runId] }),
])

export const attempts = pgTable(
  'attempts',
  {
    ...run,
    number: integer('number').notNull(),
    recipe: text('recipe').notNull(),
    node: text('node').notNull(),
    engine: text('engine').notNull(),
    argv: jsonb('argv').$type<string[]>().notNull(),
    env: jsonb('env').$type<Record<string, string>>().notNull(),
    outcome: text('outcome').$type<AttemptRecord['outcome']>().notNull(),
    failure: text('failure'),
    logTail: jsonb('log_tail').$type<string[]>().notNull(),
    startedAt: time('started_at').notNull(),
    endedAt: time('ended_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.workflowId, table.runId, table.number] })],
)

/** An absent precision is kept as '': parts of a key are never null. */
export const measurements = pgTable(
  'measurements',
  {
    model: text('model').notNull(),
    precision: text('precision').notNull(),
    backend: text('backend').$type<Measurement['backend']>().notNull(),
    version: text('version').notNull(),
    card: text('card').notNull(),
    gpuCount: integer('gpu_count').notNull(),
    setup: text('setup').notNull(),
    kvBytesPerGpu: bigint('kv_bytes_per_gpu', { mode: 'number' }),
    kvTokens: bigint('kv_tokens', { mode: 'number' }),
    measuredAt: time('measured_at').notNull(),
  },
  (table) => [
    primaryKey({
      columns: [table.model, table.precision, table.backend, table.version, table.card, table.gpuCount, table.setup],
    }),
  ],
)
