import type { CachedFile } from '../../domain/cache/contents.js'
import { findCached } from '../cached-revision.js'
import type { Cli } from '../cli.js'
import { tableOf, type Column, type Report } from '../output/report.js'
import { visible } from '../output/sanitize.js'
import { bytes, moment } from '../output/units.js'
import { stateOf } from './cache-ls.js'

const COLUMNS: Column<CachedFile>[] = [
  { header: 'FILE', value: ({ path }) => path, flexible: true },
  { header: 'KIND', value: ({ kind }) => kind },
  { header: 'SIZE', value: ({ bytes: size }) => bytes(size), align: 'right' },
  { header: 'VERIFIED', value: ({ verifiedAt }, { time, now }) => moment(verifiedAt, time, now) },
  { header: 'SOURCE', value: ({ source }) => source, flexible: true },
  { header: 'DIGEST', value: ({ digest }) => digest, wide: true },
]

export async function cacheShow(cli: Cli, [target = '']: string[]): Promise<Report> {
  const { settings } = await cli.configuration()
  const { surveyCache } = await import('../../worker/local-cache.js')
  const { repository, commit } = findCached((await surveyCache(settings)).contents, target)
  const { repo, refs } = repository
  const revisions = repository.revisions.filter((revision) => commit === null || revision.commit === commit)
  return {
    data: { ...repository, revisions },
    names: revisions.flatMap(({ files }) => files.map(({ path }) => path)),
    text: (view) =>
      revisions
        .map((revision) => {
          const names = Object.keys(refs).filter((ref) => refs[ref] === revision.commit)
          const title = [`${repo}@${revision.commit}`, ...names].join(' ')
          const used = `last used ${moment(revision.lastUsedAt, view.time, view.now)}`
          const users = revision.usedBy.length === 0 ? '' : ` by ${revision.usedBy.join(', ')}`
          const facts = [bytes(revision.bytes), `${bytes(revision.ownBytes)} of its own`, used + users, stateOf(revision)]
          const missing = revision.missing.map((path) => `${view.paint('red', 'missing')}: ${visible(path)}\n`).join('')
          return `${view.paint('bold', visible(title))}\n${visible(facts.join(', '))}\n${tableOf(revision.files, COLUMNS, view)}${missing}`
        })
        .join('\n'),
  }
}
