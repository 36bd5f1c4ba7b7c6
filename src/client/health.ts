import { ScheduleAlreadyRunning, ScheduleNotFoundError, type Client } from '@temporalio/client'
import { AimError } from '../contracts/errors.js'
import { HealthRequest, type HealthReport, type HealthSchedule } from '../contracts/health.js'
import { EndpointName } from '../contracts/names.js'
import { CONTROL_QUEUE } from '../contracts/task-queues.js'
import { validate } from '../contracts/validate.js'
import { healthSchedule, workflowIds } from '../contracts/workflow-ids.js'
import { toAimError } from './failures.js'
import { startFlow } from './start-flow.js'
import type { AimClient } from './types.js'

/** One that is still looking when the next is due: that one is left out, and what was missed is not made up. */
const POLICIES = { overlap: 'SKIP', catchupWindow: '1 minute' } as const
const SHORTEST_MS = 10_000
const LONGEST_MS = 365 * 24 * 60 * 60_000

/** Checks of one endpoint, by hand and by schedule. */
export function healthChecks(client: Client): Pick<AimClient, 'checkHealth' | 'scheduleHealth' | 'unscheduleHealth'> {
  return {
    async checkHealth(input) {
      const request = validate(HealthRequest, input)
      const { endpoint } = request
      const summary = `checks ${endpoint}`
      const workflowId = workflowIds.health(endpoint)
      return startFlow<HealthReport>(client, {
        type: 'healthCheck',
        workflowId,
        input: request,
        hash: endpoint,
        summary,
        other: 'is refused',
      })
    },

    async scheduleHealth(name, every) {
      const endpoint = validate(EndpointName, name)
      if (every < SHORTEST_MS) throw new AimError('InvalidInput', { field: 'every', rule: 'must be 10 seconds or longer' })
      if (every > LONGEST_MS) throw new AimError('InvalidInput', { field: 'every', rule: 'must be 365 days or shorter' })
      const scheduleId = healthSchedule(endpoint)
      const spec = { intervals: [{ every }] }
      const action = {
        type: 'startWorkflow',
        workflowType: 'healthCheck',
        workflowId: `${workflowIds.health(endpoint)}/scheduled`,
        taskQueue: CONTROL_QUEUE,
        args: [{ endpoint }],
        staticSummary: `checks ${endpoint}, by schedule`,
      } as const
      try {
        const given = { spec, action, policies: POLICIES }
        await client.schedule.create({ scheduleId, ...given }).catch(async (error: unknown) => {
          if (!(error instanceof ScheduleAlreadyRunning)) throw error
          // Whoever paused it had a reason.
          await client.schedule.getHandle(scheduleId).update(({ state }) => ({ ...given, state }))
        })
        const { state, info } = await client.schedule.getHandle(scheduleId).describe()
        const nextRuns = info.nextActionTimes.slice(0, 3).map((time) => time.toISOString())
        return { id: scheduleId, endpoint, every, paused: state.paused, nextRuns } satisfies HealthSchedule
      } catch (error) {
        throw toAimError(error, scheduleId)
      }
    },

    async unscheduleHealth(name) {
      const scheduleId = healthSchedule(validate(EndpointName, name))
      try {
        await client.schedule.getHandle(scheduleId).delete()
        return true
      } catch (error) {
        if (error instanceof ScheduleNotFoundError) return false
        throw toAimError(error, scheduleId)
      }
    },
  }
}
