import { reportOf, type CacheReport } from '../../domain/cache/report.js'
import type { Cli } from '../cli.js'
import { tableOf, type Column, type Report } from '../output/report.js'
import { bytes, duration, moment } from '../output/units.js'

const AGAIN: Column<CacheReport['fetchedAgain'][number]>[] = [
  { header: 'FETCHED AGAIN', value: ({ path }) => path, flexible: true },
  { header: 'MODEL', value: ({ repo }) => repo, flexible: true },
  { header: 'TIMES', value: ({ times }) => String(times), align: 'right' },
  { header: 'AFTER EVICTION', value: ({ afterEviction }) => String(afterEviction), align: 'right' },
  { header: 'BYTES', value: ({ bytes: size }) => bytes(size), align: 'right' },
]

const UNUSED: Column<CacheReport['unused'][number]>[] = [
  { header: 'UNUSED', value: ({ repo }) => repo, flexible: true },
  { header: 'REV', value: ({ commit }) => commit.slice(0, 12) },
  { header: 'LAST USED', value: ({ lastUsedAt }, { time, now }) => moment(lastUsedAt, time, now) },
  { header: 'USES', value: ({ uses }) => String(uses), align: 'right' },
  { header: 'PINNED', value: ({ pinned }) => (pinned ? 'yes' : null) },
  { header: 'WOULD FREE', value: ({ bytes: size }) => bytes(size), align: 'right' },
]

const WOULD_COST: Column<CacheReport['wouldCost'][number]>[] = [
  { header: 'IF EVICTED', value: ({ repo }) => repo, flexible: true },
  { header: 'REV', value: ({ commit }) => commit.slice(0, 12) },
  { header: 'TO FETCH', value: ({ bytes: size }) => bytes(size), align: 'right' },
  { header: 'TAKES', value: ({ ms }) => (ms === null ? null : duration(ms)), align: 'right' },
]

export async function cacheReport(cli: Cli, _args: string[], { idle }: { idle: number }): Promise<Report> {
  const { settings } = await cli.configuration()
  const { surveyCache } = await import('../../worker/local-cache.js')
  const { contents, events } = await surveyCache(settings)
  const report = reportOf(contents, events, idle, cli.terminal.now())
  const { fetchedAgain, unused, evictionCost, wouldCost } = report
  const again = fetchedAgain.reduce((sum, each) => sum + each.bytes, 0)
  const time = evictionCost.ms ? `, about ${duration(evictionCost.ms)}` : ''
  return {
    data: { idleDays: idle, ...report },
    names: unused.map(({ repo, commit }) => `${repo}@${commit}`),
    text: (view) =>
      [
        ...(fetchedAgain.length === 0 ? [] : [tableOf(fetchedAgain, AGAIN, view)]),
        ...(unused.length === 0 ? [] : [tableOf(unused, UNUSED, view)]),
        ...(wouldCost.length === 0 ? [] : [tableOf(wouldCost, WOULD_COST, view)]),
        `fetched more than once: ${bytes(again)}; of that because it had been evicted: ${bytes(evictionCost.bytes)}${time}\n` +
          `not used for ${idle} days: ${bytes(unused.reduce((sum, each) => sum + each.bytes, 0))}\n`,
      ].join('\n'),
    ...(unused.length > 0 && { notes: [`to let them go: aim cache prune --older-than ${idle}d`] }),
  }
}
