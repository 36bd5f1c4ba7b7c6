import { statisticsOf, type ModelAccess } from '../../domain/cache/statistics.js'
import type { Cli } from '../cli.js'
import { recordReport, tableOf, type Column, type Field, type Report, type View } from '../output/report.js'
import { bytes, duration, moment } from '../output/units.js'

/** Days of the access pattern that fit a line. */
const DAYS = 14

/** Asked how often on each of the last days, the newest last: `..3.1`. */
const COLUMNS: Column<ModelAccess>[] = [
  { header: 'MODEL', value: ({ repo }) => repo, flexible: true },
  { header: 'ASKED', value: ({ asked }) => String(asked), align: 'right' },
  { header: 'HITS', value: ({ hits }) => String(hits), align: 'right' },
  { header: 'SAVED', value: ({ savedBytes }) => bytes(savedBytes), align: 'right' },
  {
    header: `LAST ${DAYS} DAYS`,
    value: ({ days }, { now }) =>
      lastDays(now)
        .map((day) => days[day] ?? '.')
        .join(' '),
  },
]

export async function cacheStats(cli: Cli): Promise<Report> {
  const { settings } = await cli.configuration()
  const { surveyCache } = await import('../../worker/local-cache.js')
  const statistics = statisticsOf((await surveyCache(settings)).events)
  const { since, hits, misses, followed, hitRate, savedBytes, savedMs, missMs, failed, fetchedBytes } = statistics
  const { bytesPerSecond, sources, verified, evictedBytes, models } = statistics
  const fields = (view: View): Field[] => [
    ['since', since && moment(since, view.time, view.now)],
    ['hits', hitRate === null ? null : `${hits} of ${hits + misses + followed} (${Math.round(hitRate * 100)} %)`],
    ['followed', followed === 0 ? null : `${followed} waited for the download of another process`],
    ['saved', `${bytes(savedBytes)}${savedMs === null ? '' : `, about ${duration(savedMs)} of fetching`}`],
    ['fetched', `${bytes(fetchedBytes)}${bytesPerSecond === null ? '' : ` at ${bytes(bytesPerSecond)}/s`}`],
    [
      'from',
      Object.entries(sources)
        .map(([source, size]) => `${source} ${bytes(size)}`)
        .join(', ') || null,
    ],
    ['waited', misses === 0 ? null : `${duration(missMs)} for ${misses} that had to be fetched`],
    [
      'failed',
      Object.entries(failed)
        .map(([code, count]) => `${code} ${count}`)
        .join(', ') || null,
    ],
    ['verified', verified.good + verified.bad === 0 ? null : `${verified.good} right, ${verified.bad} wrong`],
    ['evicted', bytes(evictedBytes)],
  ]
  if (since === null) return { data: statistics, names: [], text: () => '', notes: ['nothing was asked for or fetched yet'] }
  const record = recordReport({ data: statistics, name: null, fields })
  return {
    ...record,
    names: models.map(({ repo }) => repo),
    text: (view) => record.text(view) + (models.length === 0 ? '' : `\n${tableOf(models, COLUMNS, view)}`),
  }
}

function lastDays(now: number): string[] {
  return Array.from({ length: DAYS }, (_, index) => new Date(now - (DAYS - 1 - index) * 86_400_000).toISOString().slice(0, 10))
}
