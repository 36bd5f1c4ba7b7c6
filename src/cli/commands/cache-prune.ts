import { cachePolicyOf } from '../../config/cache-policy.js'
import type { CachePolicy } from '../../domain/cache/policy.js'
import { isEmptyPolicy } from '../../domain/cache/policy.js'
import type { PruneReport } from '../../domain/cache/prune.js'
import type { Cli } from '../cli.js'
import { confirm } from '../confirm.js'
import { silentReport, tableOf, type Column, type Report, type View } from '../output/report.js'
import { paintFor } from '../output/style.js'
import { bytes } from '../output/units.js'

export type CachePruneOptions = {
  maxSize?: number
  free?: { freeLow: number; freeHigh: number }
  olderThan?: number
  keepRevisions?: number
  order?: 'lru' | 'lfu'
  dryRun?: boolean
  yes?: boolean
}

type Row = { id: string; bytes: number; why: string }

const GOING: Column<Row>[] = [
  { header: 'GOES', value: ({ id }) => shortId(id), flexible: true },
  { header: 'FREES', value: ({ bytes: size }) => bytes(size), align: 'right' },
  { header: 'WHY', value: ({ why }) => why, flexible: true },
]
const KEPT: Column<Row>[] = [
  { header: 'STAYS', value: ({ id }) => shortId(id), flexible: true },
  { header: 'SIZE', value: ({ bytes: size }) => bytes(size), align: 'right' },
  { header: 'WHY', value: ({ why }) => why, flexible: true },
]

/** Shows first, asks once, and removes exactly what was shown. */
export async function cachePrune(cli: Cli, _args: string[], options: CachePruneOptions): Promise<Report> {
  const { settings } = await cli.configuration()
  const { localCache, weightsInUse } = await import('../../worker/local-cache.js')
  const { cache } = localCache(settings, cli.note)
  const policy = policyOf(cachePolicyOf(settings), options)
  const inUse = (): Promise<string[]> => weightsInUse(settings)
  const planned = await cache.prune({ policy, dryRun: true }, inUse)
  if (options.dryRun === true) return pruneReport(planned, policy)
  if (planned.removed.length === 0) return pruneReport({ ...planned, dryRun: false }, policy)
  if (!options.yes) {
    show(cli, planned)
    if (!(await confirm(cli, `removing ${planned.removed.length} entries, ${bytes(planned.freedBytes)}`))) {
      return silentReport(1, ['nothing was removed'])
    }
  }
  const only = planned.removed.map(({ id }) => id)
  return pruneReport(await cache.prune({ policy, dryRun: false, only }, inUse), policy)
}

function policyOf(settings: CachePolicy, { maxSize, free, olderThan, keepRevisions, order }: CachePruneOptions): CachePolicy {
  return {
    ...settings,
    ...(maxSize !== undefined && { maxBytes: maxSize }),
    ...free,
    ...(olderThan !== undefined && { maxIdleDays: olderThan }),
    ...(keepRevisions !== undefined && { keepRevisions }),
    ...(order !== undefined && { order }),
  }
}

function pruneReport(report: PruneReport, policy: CachePolicy): Report {
  const { dryRun, removed, freedBytes, shortBytes, bytes: left } = report
  return {
    data: report,
    names: removed.map(({ id }) => id),
    text: (view) => tables(report, view),
    notes: [
      `${dryRun ? 'would free' : 'freed'} ${bytes(freedBytes)}; ${bytes(left)} ${dryRun ? 'would stay' : 'stay'} in the cache`,
      ...(shortBytes > 0 ? [`${bytes(shortBytes)} more are asked for, and nothing else may go`] : []),
      ...(isEmptyPolicy(policy) ? ['no limit is set, so only leftovers go: --max-size, --free, --older-than, --keep-revisions'] : []),
      ...(dryRun ? ['dry run: nothing was changed'] : []),
    ],
  }
}

function show(cli: Cli, report: PruneReport): void {
  const { stderr, env, now } = cli.terminal
  const width = stderr.isTTY ? (stderr.columns ?? 80) : null
  stderr.write(tables(report, { paint: paintFor(stderr, env, cli.flags.color), width, wide: false, time: 'iso', now: now() }))
}

function tables({ removed, kept }: PruneReport, view: View): string {
  const parts = [removed.length === 0 ? '' : tableOf(removed, GOING, view), kept.length === 0 ? '' : tableOf(kept, KEPT, view)]
  return parts.filter((part) => part !== '').join('\n')
}

/** Digests and commits by their first 12 digits: the whole of an id is in JSON. */
function shortId(id: string): string {
  return id.replaceAll(/[0-9a-f]{40,64}/g, (hex) => hex.slice(0, 12))
}
