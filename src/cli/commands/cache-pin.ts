import { findCached } from '../cached-revision.js'
import type { Cli } from '../cli.js'
import { recordReport, type Report } from '../output/report.js'

export type CachePinOptions = { reason?: string }

export const cachePin = (cli: Cli, args: string[], options: CachePinOptions): Promise<Report> => setPin(cli, 'pinned', args, options)
export const cacheUnpin = (cli: Cli, args: string[], options: CachePinOptions): Promise<Report> => setPin(cli, 'unpinned', args, options)

async function setPin(
  cli: Cli,
  kind: 'pinned' | 'unpinned',
  [target = '']: string[],
  { reason = null }: { reason?: string | null },
): Promise<Report> {
  const { settings } = await cli.configuration()
  const local = await import('../../worker/local-cache.js')
  const { repository, commit } = findCached((await local.surveyCache(settings)).contents, target)
  const { repo } = repository
  await local.setPin(settings, kind, { repo, commit, reason })
  const isStillPinned = kind === 'unpinned' && commit !== null && repository.pinned
  return recordReport({
    data: { repo, commit, state: kind, reason },
    name: commit === null ? repo : `${repo}@${commit}`,
    fields: () => [
      ['model', repo],
      ['revision', commit ?? 'all, also later ones'],
      ['state', kind === 'pinned' ? 'pinned: no cleanup takes it' : 'not pinned: a cleanup may take it'],
    ],
    ...(isStillPinned && { notes: [`${repo} is pinned as a whole, and so is this revision: aim cache unpin ${repo}`] }),
  })
}
