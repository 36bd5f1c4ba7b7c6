import type { CacheSchedule } from '../../contracts/cache-flows.js'
import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { recordReport, silentReport, type Field, type Report } from '../output/report.js'
import { duration, moment } from '../output/units.js'
import { refreshRequest, type RefreshOptions } from './refresh-options.js'

export type CacheScheduleOptions = RefreshOptions & {
  /** Milliseconds. */
  every?: number
  cron?: string
  off?: boolean
}

const NEXT = "next: aim cache schedule --every 6h, or --cron '0 3 * * *'"

export async function cacheSchedule(cli: Cli, _: string[], options: CacheScheduleOptions): Promise<Report> {
  const { every, cron, off } = options
  const request = refreshRequest(options)
  const client = await cli.connect()
  if (off) return silentReport(0, [(await client.unscheduleRefresh()) ? 'the schedule was ended' : 'there was no schedule'])
  const when = every !== undefined ? { every } : cron !== undefined ? { cron } : null
  if (when !== null) return scheduleReport(await client.scheduleRefresh(when, request).catch(asFlag))
  if (changes(options))
    throw new AimError('InvalidInput', { field: '--every', rule: 'is needed, or --cron, to change what the schedule does' })
  const schedule = await client.cacheSchedule()
  return schedule === null ? { data: null, names: [], text: () => '', notes: ['there is no schedule', NEXT] } : scheduleReport(schedule)
}

/** Without a time the schedule is only shown. */
function changes({ follow, prewarm, node, evict, sample, reason }: RefreshOptions): boolean {
  return !evict || [follow, prewarm, node, sample, reason].some((value) => value !== undefined)
}

/** The client knows fields, a person flags. */
function asFlag(error: unknown): never {
  if (!(error instanceof AimError) || error.code !== 'InvalidInput') throw error
  throw new AimError('InvalidInput', { ...error.details, field: `--${error.details['field']}` }, { cause: error })
}

function scheduleReport(schedule: CacheSchedule): Report {
  const { id, every, cron, paused, note, nextRuns, lastRuns, request } = schedule
  return recordReport({
    data: schedule,
    name: id,
    fields: ({ time, now }): Field[] => [
      ['schedule', id],
      ['state', paused ? `paused${note === null || note === '' ? '' : `: ${note}`}` : 'in force', paused ? 'yellow' : 'green'],
      ['due', every === null ? cron : `every ${duration(every)}`],
      ['next', paused ? null : (nextRuns[0] ?? null)],
      ...lastRuns.map(({ workflowId, at }): Field => ['last', `${moment(at, time, now)}: ${workflowId}`]),
      ['does', JSON.stringify(request)],
    ],
    notes: paused
      ? ['it is paused, in Temporal: temporal schedule toggle --unpause --schedule-id aim-cache-refresh']
      : ['what it did: aim cache flows'],
  })
}
