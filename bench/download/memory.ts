import { rmSync, statfsSync } from 'node:fs'
import { round, type Figure } from '../figure.js'
import { ours } from './clients.js'
import { SPARSE, writeSparse } from './models.js'

const BAR_MB = 250
/** Left free on the volume. */
const SPARE_BYTES = 5e9

/** What a process takes at most while it brings 50 GB; less where the disk has no room for it, and the name says so. */
export async function memoryFigure(hub: string, dir: string, out: string, note: (line: string) => void): Promise<Figure> {
  const { bavail, bsize } = statfsSync(dir)
  const bytes = Math.min(SPARSE.bytes, Math.floor((bavail * bsize - SPARE_BYTES) / 1e9) * 1e9)
  writeSparse(dir, bytes)
  note(`${bytes / 1e9} GB of zeros; the server hashes them first`)
  await (await fetch(`${hub}/api/models/${SPARSE.repo}/revision/main?blobs=true`)).arrayBuffer()
  const { maxRssBytes, seconds } = await ours(hub, SPARSE.repo, out, '--unsynced')
  rmSync(out, { recursive: true, force: true })
  note(`${round(seconds)} s, ${round(bytes / 1e6 / seconds)} MB/s`)
  const value = round(maxRssBytes / 1e6)
  // Of a smaller file it is a figure, and no proof.
  const holds = bytes === SPARSE.bytes ? value <= BAR_MB : null
  return {
    name: `most memory while downloading ${bytes / 1e9} GB`,
    value,
    unit: 'MB',
    peer: null,
    bar: holds === null ? null : `<= ${BAR_MB} MB`,
    holds,
  }
}
