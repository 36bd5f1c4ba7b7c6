import type { CachedRepository, CachedRevision } from '../../domain/cache/contents.js'
import type { Cli } from '../cli.js'
import { listReport, type Column, type Report } from '../output/report.js'
import { bytes, moment } from '../output/units.js'

type Row = Pick<CachedRepository, 'type' | 'repo'> &
  Omit<CachedRevision, 'files'> & { node: string; refs: string[]; files: number; state: string }

const COLUMNS: Column<Row>[] = [
  { header: 'NODE', value: ({ node }) => node },
  { header: 'MODEL', value: ({ repo }) => repo, flexible: true },
  { header: 'REV', value: ({ commit, refs }, { wide }) => [wide ? commit : commit.slice(0, 12), ...refs].join(' ') },
  { header: 'SIZE', value: ({ bytes: size }) => bytes(size), align: 'right' },
  { header: 'OWN', value: ({ ownBytes }) => bytes(ownBytes), align: 'right', wide: true },
  { header: 'FILES', value: ({ files }) => String(files), align: 'right', wide: true },
  { header: 'LAST USED', value: ({ lastUsedAt }, { time, now }) => moment(lastUsedAt, time, now) },
  { header: 'USES', value: ({ uses }) => String(uses), align: 'right', wide: true },
  { header: 'USED BY', value: ({ usedBy }) => usedBy.join(', ') || null, flexible: true },
  { header: 'STATE', value: ({ state }) => state },
]

export async function cacheLs(cli: Cli): Promise<Report> {
  const { settings, paths } = await cli.configuration()
  const { surveyCache } = await import('../../worker/local-cache.js')
  const { contents } = await surveyCache(settings)
  const rows = contents.repositories.flatMap(({ type, repo, refs, revisions }) =>
    revisions.map(({ files, ...revision }): Row => ({
      node: settings.nodeId,
      type,
      repo,
      ...revision,
      refs: Object.keys(refs).filter((ref) => refs[ref] === revision.commit),
      files: files.length,
      state: stateOf(revision),
    })),
  )
  const { bytes: all, partialBytes, unknown } = contents
  return listReport({
    items: rows,
    columns: COLUMNS,
    name: ({ repo, commit }) => `${repo}@${commit}`,
    empty: `nothing lies in ${paths.hubCache}`,
    notes: [
      `${bytes(all)} in ${paths.hubCache}${partialBytes === 0 ? '' : `, and ${bytes(partialBytes)} of downloads that are not whole`}`,
      ...(unknown.length === 0 ? [] : [`${unknown.length} entries there are nobody's that we know: aim cache du`]),
    ],
  })
}

/** In the words of the table: what keeps it, and what is wrong with it. */
export function stateOf({ pinned, usedBy, missing }: Pick<CachedRevision, 'pinned' | 'usedBy' | 'missing'>): string {
  const states = [
    ...(missing.length === 0 ? [] : [`${missing.length} files missing`]),
    ...(pinned ? ['pinned'] : []),
    ...(usedBy.length === 0 ? [] : ['in use']),
  ]
  return states.join(', ') || 'idle'
}
