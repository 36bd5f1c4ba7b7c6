import { FILE_KINDS, type CacheContents, type FileKind } from '../../domain/cache/contents.js'
import type { Cli } from '../cli.js'
import { tableOf, type Column, type Report } from '../output/report.js'
import { visible } from '../output/sanitize.js'
import { bytes } from '../output/units.js'

type Row = { repo: string; bytes: number; revisions: number; unreferencedBytes: number } & Record<FileKind, number>

const COLUMNS: Column<Row>[] = [
  { header: 'SIZE', value: ({ bytes: size }) => bytes(size), align: 'right' },
  { header: 'MODEL', value: ({ repo }) => repo, flexible: true },
  { header: 'REVISIONS', value: ({ revisions }) => String(revisions), align: 'right' },
  ...FILE_KINDS.map((kind): Column<Row> => ({ header: kind.toUpperCase(), value: (row) => sizeOf(row[kind]), align: 'right' })),
  { header: 'UNREFERENCED', value: ({ unreferencedBytes }) => sizeOf(unreferencedBytes), align: 'right' },
]

export async function cacheDu(cli: Cli): Promise<Report> {
  const { settings, paths } = await cli.configuration()
  const { surveyCache } = await import('../../worker/local-cache.js')
  const { contents } = await surveyCache(settings)
  const { partialBytes, volume, unknown } = contents
  const rows = rowsOf(contents)
  return {
    data: { path: paths.hubCache, bytes: contents.bytes, partialBytes, volume, repositories: rows, unknown },
    names: rows.map(({ repo }) => repo),
    text: (view) =>
      [
        rows.length === 0 ? '' : tableOf(rows, COLUMNS, view),
        `${bytes(contents.bytes)} in ${visible(paths.hubCache)}, each file counted once\n`,
        partialBytes === 0 ? '' : `${bytes(partialBytes)} of downloads that are not whole\n`,
        `${bytes(volume.freeBytes)} of ${bytes(volume.totalBytes)} free on its volume\n`,
        ...unknown.map(
          ({ path, bytes: size, why }) => `${view.paint('yellow', 'left alone')}: ${visible(path)} (${bytes(size)}): ${why}\n`,
        ),
      ].join(''),
  }
}

/** The largest first. A blob counts once for a repository, under the kind of the first file that links to it. */
function rowsOf({ repositories }: CacheContents): Row[] {
  const rows = repositories.map(({ repo, bytes: size, revisions, unreferenced }): Row => {
    const row: Row = {
      repo,
      bytes: size,
      revisions: revisions.length,
      unreferencedBytes: 0,
      weights: 0,
      tokenizer: 0,
      config: 0,
      dataset: 0,
      metadata: 0,
    }
    const seen = new Set<string>()
    for (const { commit, files } of revisions) {
      for (const file of files) {
        const key = file.digest ?? `${commit} ${file.path}`
        if (!seen.has(key)) row[file.kind] += file.bytes
        seen.add(key)
      }
    }
    row.unreferencedBytes = unreferenced.reduce((sum, blob) => sum + blob.bytes, 0)
    return row
  })
  return rows.toSorted((a, b) => b.bytes - a.bytes)
}

function sizeOf(count: number): string | null {
  return count === 0 ? null : bytes(count)
}
