import type { HealthReport } from '../../contracts/health.js'
import { isAimError, AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { checkedName } from '../endpoint-name.js'
import { knownEndpoint } from '../known-endpoint.js'
import { recordReport, type Field, type Report } from '../output/report.js'
import { duration } from '../output/units.js'
import { healthReport } from '../views/health.js'

export type HealthScheduleOptions = { every?: number }

/** Every replica is looked at now: its process, what it says of itself, its load, and a small request. */
export async function health(cli: Cli, [name = '']: string[]): Promise<Report> {
  const endpoint = checkedName(name)
  const client = await cli.connect()
  const report: HealthReport = await (await client.checkHealth({ endpoint })).result()
  if (report.outcome === 'absent' && report.phase === null) throw new AimError('NotFound', { what: `endpoint ${endpoint}` })
  return healthReport(report)
}

export async function scheduleHealth(cli: Cli, [name = '']: string[], { every }: HealthScheduleOptions): Promise<Report> {
  const endpoint = checkedName(name)
  if (every === undefined) throw new AimError('InvalidInput', { field: '--every', rule: 'is needed: --every 5m' })
  const client = await cli.connect()
  await knownEndpoint(client, endpoint)
  const schedule = await client.scheduleHealth(endpoint, every).catch(asFlag)
  return recordReport({
    data: schedule,
    name: schedule.id,
    fields: () => [
      ['schedule', schedule.id],
      ['due', `every ${duration(every)}`],
      ['state', schedule.paused ? 'paused' : 'in force', schedule.paused ? 'yellow' : 'green'],
      ['next', schedule.nextRuns[0] ?? null],
    ],
    notes: [`end it: aim health unschedule ${endpoint}`],
  })
}

export async function unscheduleHealth(cli: Cli, [name = '']: string[]): Promise<Report> {
  const endpoint = checkedName(name)
  const ended = await (await cli.connect()).unscheduleHealth(endpoint)
  const fields: Field[] = [
    ['endpoint', endpoint],
    ['schedule', ended ? 'ended' : 'there was none'],
  ]
  return recordReport({ data: { endpoint, ended }, name: endpoint, fields: () => fields })
}

/** The client knows fields, a person flags. */
function asFlag(error: unknown): never {
  if (!isAimError(error) || error.code !== 'InvalidInput') throw error
  throw new AimError('InvalidInput', { ...error.details, field: `--${error.details['field']}` }, { cause: error })
}
