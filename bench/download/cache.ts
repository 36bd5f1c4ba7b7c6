import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { createModelCache } from '../../src/adapters/cache/create-model-cache.js'
import { createLedger } from '../../src/adapters/cache/ledger.js'
import { createWeightStore } from '../../src/adapters/weights/create-weight-store.js'
import { round, type Figure } from '../figure.js'
import { COMMIT, sampleCache, writeSnapshot } from './sample-cache.js'

const RUNS = 5
const REPOSITORIES = 300
const FILES = 10_000
const SNAPSHOT_FILES = 200
const INDEX_BAR_MS = 1_000
const WARM_BAR_MS = 20

/** Everything in the cache with its ledger, against Python's scan of the same folder, turn by turn; the shortest of five runs each. */
export async function indexFigure(note: (line: string) => void): Promise<Figure> {
  const sample = sampleCache(REPOSITORIES, FILES)
  try {
    const ledger = createLedger({ folder: join(sample.home, 'aim', 'ledger') })
    const refetch = () => Promise.reject(new Error('nothing is fetched here'))
    const ours = createModelCache({ hubCache: sample.hubCache, partials: join(sample.home, 'aim', 'partials'), ledger, refetch })
    const python = pythonWithHub()
    if (python === null) note('no environment with huggingface_hub: the tests of the cache make one, or AIM_HF_BIN names its hf')
    const times = { ours: [] as number[], python: [] as number[] }
    for (let run = 0; run < RUNS; run += 1) {
      const start = performance.now()
      const { repositories } = await ours.contents()
      times.ours.push(performance.now() - start)
      const found = repositories.flatMap(({ revisions }) =>
        revisions.flatMap(({ files }) => files.filter(({ verifiedAt }) => verifiedAt !== null)),
      )
      if (found.length !== FILES) throw new Error(`${found.length} of ${FILES} files were found`)
      if (python !== null) {
        const env = { PATH: process.env['PATH'], HF_HUB_CACHE: sample.hubCache, HF_HUB_DISABLE_TELEMETRY: '1' }
        times.python.push(Number(execFileSync(python, ['-c', SCAN], { env, encoding: 'utf8' })))
      }
    }
    note(`ours ${times.ours.map(Math.round).join(', ')} ms; Python ${times.python.map(Math.round).join(', ')} ms`)
    const value = Math.min(...times.ours)
    const peer = times.python.length === 0 ? null : { name: 'huggingface_hub scan_cache_dir', value: round(Math.min(...times.python)) }
    const name = `index of ${FILES.toLocaleString('en')} files in ${REPOSITORIES} repositories`
    return { name, value: round(value), unit: 'ms', peer, bar: `<= ${INDEX_BAR_MS} ms`, holds: value <= INDEX_BAR_MS }
  } finally {
    sample.remove()
  }
}

/** The Python that `hf` runs with; null where there is none. */
function pythonWithHub(): string | null {
  const cache = process.env['AIM_CACHE_DIR'] ?? join(homedir(), '.cache', 'aim-engine')
  const python = join(dirname(process.env['AIM_HF_BIN'] ?? join(cache, 'hf-venv', 'bin', 'hf')), 'python')
  return existsSync(python) ? python : null
}

/** Its own clock: the start of Python is not the scan's. */
const SCAN = `
import time, huggingface_hub as h
start = time.perf_counter()
info = h.scan_cache_dir()
assert sum(repo.nb_files for repo in info.repos) == ${FILES}, info.warnings
print((time.perf_counter() - start) * 1000)`

/** What every deploy asks first: is each file of a snapshot whole? Against stat of the same files, one after the other. */
export async function warmFigure(note: (line: string) => void): Promise<Figure> {
  const sample = sampleCache(1, 1)
  try {
    const files = writeSnapshot(sample.hubCache, 'org/large', SNAPSHOT_FILES)
    const weights = createWeightStore({ sources: () => [], hubCache: sample.hubCache, partials: join(sample.home, 'partials') })
    const model = { repo: 'org/large', commit: COMMIT }
    const snapshot = join(sample.hubCache, 'models--org--large', 'snapshots', COMMIT)
    const times = { find: [] as number[], stat: [] as number[] }
    for (let run = 0; run < RUNS; run += 1) {
      const start = performance.now()
      if ((await weights.find(model, files)) === null) throw new Error('the snapshot was not found')
      const found = performance.now()
      for (const { path } of files) statSync(join(snapshot, path))
      times.find.push(found - start)
      times.stat.push(performance.now() - found)
    }
    note(`find ${times.find.map(round).join(', ')} ms; stat ${times.stat.map(round).join(', ')} ms`)
    const value = Math.min(...times.find)
    const peer = { name: 'stat of each file', value: round(Math.min(...times.stat)) }
    const name = `warm check of a snapshot of ${SNAPSHOT_FILES} files`
    return { name, value: round(value), unit: 'ms', peer, bar: `<= ${WARM_BAR_MS} ms`, holds: value <= WARM_BAR_MS }
  } finally {
    sample.remove()
  }
}
