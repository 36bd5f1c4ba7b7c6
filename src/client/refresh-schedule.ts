import { ScheduleAlreadyRunning, ScheduleNotFoundError, type Client, type ScheduleDescription, type ScheduleSpec } from '@temporalio/client'
import { RefreshRequest, type CacheSchedule, type RefreshInput } from '../contracts/cache-flows.js'
import { AimError } from '../contracts/errors.js'
import { CONTROL_QUEUE } from '../contracts/task-queues.js'
import { validate } from '../contracts/validate.js'
import { REFRESH_SCHEDULE, workflowIds } from '../contracts/workflow-ids.js'
import { toAimError } from './failures.js'
import type { AimClient, When } from './types.js'

/** A refresh that is still running when the next is due: that one is left out. What was missed while Temporal was away is made up once. */
const POLICIES = { overlap: 'SKIP', catchupWindow: '1 hour' } as const
const SHORTEST_MS = 60_000

/** The one schedule of `refreshCache`: put in force, shown, taken away. */
export function refreshSchedule(client: Client): Pick<AimClient, 'scheduleRefresh' | 'cacheSchedule' | 'unscheduleRefresh'> {
  const handle = () => client.schedule.getHandle(REFRESH_SCHEDULE)

  async function cacheSchedule(): Promise<CacheSchedule | null> {
    try {
      return toSchedule(await handle().describe())
    } catch (error) {
      if (error instanceof ScheduleNotFoundError) return null
      throw toAimError(error, REFRESH_SCHEDULE)
    }
  }

  return {
    cacheSchedule,

    async scheduleRefresh(when, input) {
      const request = validate(RefreshRequest, input)
      const spec = specOf(when)
      const action = actionOf(when, request)
      try {
        await client.schedule.create({ scheduleId: REFRESH_SCHEDULE, spec, action, policies: POLICIES })
      } catch (error) {
        if (!(error instanceof ScheduleAlreadyRunning)) throw refused(error, when)
        await replace(spec, action, when)
      }
      const schedule = await cacheSchedule()
      if (schedule === null) throw new AimError('NotFound', { what: `schedule ${REFRESH_SCHEDULE}, which was removed meanwhile` })
      return schedule
    },

    async unscheduleRefresh() {
      try {
        await handle().delete()
        return true
      } catch (error) {
        if (error instanceof ScheduleNotFoundError) return false
        throw toAimError(error, REFRESH_SCHEDULE)
      }
    },
  }

  /** Whether it is paused is not changed: whoever paused it had a reason. */
  async function replace(spec: ScheduleSpec, action: ReturnType<typeof actionOf>, when: When): Promise<void> {
    try {
      await handle().update(({ state }) => ({ spec, action, policies: POLICIES, state }))
    } catch (error) {
      throw refused(error, when)
    }
  }
}

function actionOf(when: When, request: RefreshRequest) {
  return {
    type: 'startWorkflow',
    workflowType: 'refreshCache',
    workflowId: workflowIds.scheduledRefresh,
    taskQueue: CONTROL_QUEUE,
    args: [request] as [RefreshInput],
    // Temporal turns a cron expression into calendars; the text is for people.
    memo: 'cron' in when ? { cron: when.cron } : {},
    staticSummary: 'looks after the caches, by schedule',
  } as const
}

function specOf(when: When): ScheduleSpec {
  if ('cron' in when) return { cronExpressions: [when.cron] }
  if (when.every < SHORTEST_MS) throw new AimError('InvalidInput', { field: 'every', rule: 'must be a minute or longer' })
  return { intervals: [{ every: when.every }] }
}

/** Temporal alone knows what a cron expression is. */
function refused(error: unknown, when: When): AimError {
  const told = toAimError(error, REFRESH_SCHEDULE)
  return 'cron' in when && (codeOf(error) === INVALID_ARGUMENT || /cron|invalid schedule spec/i.test(messageOf(error)))
    ? new AimError('InvalidInput', { field: 'cron', rule: `Temporal refuses it: ${messageOf(error)}` }, { cause: error })
    : told
}

const INVALID_ARGUMENT = 3 // of gRPC

function codeOf(error: unknown): unknown {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return (cause as { code?: unknown }).code
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}

function toSchedule({ spec, state, action, info }: ScheduleDescription): CacheSchedule {
  const cron = action.type === 'startWorkflow' ? action.memo?.['cron'] : undefined
  return {
    id: REFRESH_SCHEDULE,
    every: spec.intervals?.[0]?.every ?? null,
    cron: typeof cron === 'string' ? cron : null,
    paused: state.paused,
    note: state.paused ? (state.note ?? null) : null,
    request: action.type === 'startWorkflow' ? (action.args?.[0] ?? null) : null,
    nextRuns: info.nextActionTimes.slice(0, 3).map((time) => time.toISOString()),
    lastRuns: info.recentActions
      .slice(-3)
      .toReversed()
      .map(({ action: ran, takenAt }) => ({ workflowId: ran.workflow.workflowId, at: takenAt.toISOString() })),
  }
}
