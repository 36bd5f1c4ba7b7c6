import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { processStartTime } from '../../src/config/stack-file.js'
import { buildTemporal } from '../../src/embedded/build.js'
import { cachedProgram } from '../../src/embedded/find.js'
import { obtainTemporal, type ObtainOptions } from '../../src/embedded/obtain.js'
import { runTool } from '../../src/embedded/run-tool.js'
import { claimsToBe, script, testFolder } from './programs.js'

type Way = NonNullable<ObtainOptions['ways']>[number]['get']

const writes =
  (body = claimsToBe('1.29.1')): Way =>
  (folder) =>
    script(join(folder, 'temporal'), body)
const fails =
  (reason: string): Way =>
  () =>
    Promise.reject(new Error(reason))

test('what is on the machine is taken and nothing is obtained', async () => {
  const cacheDir = await testFolder()
  await script(cachedProgram(cacheDir), claimsToBe('1.29.1'))
  const get = vi.fn<Way>(fails('asked'))
  await expect(obtainTemporal({ temporalBin: undefined, cacheDir, path: '', ways: [{ source: 'build', get }] })).resolves.toMatchObject({
    source: 'cache',
  })
  expect(get).not.toHaveBeenCalled()
})

test('when one way fails the next is tried, and its program is kept for the next time', async () => {
  const cacheDir = await testFolder()
  const options = { temporalBin: undefined, cacheDir, path: '' }
  const program = await obtainTemporal({
    ...options,
    ways: [
      { source: 'download', get: fails('no network') },
      { source: 'build', get: writes() },
    ],
  })
  expect(program).toEqual({ path: cachedProgram(cacheDir), source: 'build', server: '1.29.1' })
  await expect(obtainTemporal({ ...options, ways: [] })).resolves.toMatchObject({ source: 'cache' })
})

test('when every way fails the error gives the reason of each step', async () => {
  const cacheDir = await testFolder()
  const ways = [
    { source: 'download', get: fails('no network') },
    { source: 'build', get: fails('go is not installed') },
  ] as const
  const failure = obtainTemporal({ temporalBin: undefined, cacheDir, path: '', ways: [...ways] })
  await expect(failure).rejects.toMatchObject({
    code: 'TemporalMissing',
    message: expect.stringMatching(/PATH has no temporal; .* does not exist; download: no network; build: go is not installed/),
  })
})

test('a program that does not work is not kept', async () => {
  const cacheDir = await testFolder()
  const broken = obtainTemporal({ temporalBin: undefined, cacheDir, path: '', ways: [{ source: 'build', get: writes('exit 1') }] })
  await expect(broken).rejects.toMatchObject({ code: 'TemporalMissing' })
  expect(existsSync(cachedProgram(cacheDir))).toBe(false)
})

test('two at a time obtain it once: the second waits for the first and says so', async () => {
  const cacheDir = await testFolder()
  const get = vi.fn<Way>(async (folder) => {
    await sleep(300)
    return script(join(folder, 'temporal'), claimsToBe('1.29.1'))
  })
  const lines: string[] = []
  const options = {
    temporalBin: undefined,
    cacheDir,
    path: '',
    ways: [{ source: 'build' as const, get }],
    onProgress: (line: string) => lines.push(line),
  }
  const programs = await Promise.all([obtainTemporal(options), obtainTemporal(options)])
  expect(programs.map(({ source }) => source).toSorted()).toEqual(['build', 'cache'])
  expect(get).toHaveBeenCalledTimes(1)
  expect(lines).toEqual([`another process (pid ${process.pid}) is getting the Temporal server; waiting for it`])
})

test('what a killed attempt left is removed, and never taken for a program', async () => {
  const cacheDir = await testFolder()
  await script(join(cacheDir, 'temporal', '.unfinished-abc', 'temporal'), claimsToBe('1.29.1'))
  const program = await obtainTemporal({ temporalBin: undefined, cacheDir, path: '', ways: [{ source: 'build', get: writes() }] })
  expect(program.source).toBe('build')
  expect((await readdir(join(cacheDir, 'temporal'))).toSorted()).toEqual(['lock', 'v1.5.1'])
})

test('an interrupted attempt ends its program at once and leaves nothing', async () => {
  const cacheDir = await testFolder()
  const interrupt = new AbortController()
  const get: Way = async (folder, { signal }) => {
    setTimeout(() => interrupt.abort(new Error('interrupted')), 100)
    await runTool('sh', ['-c', 'echo $$ > "$0"; sleep 600 & wait', join(cacheDir, 'pid')], { timeoutMs: 60_000, signal })
    return join(folder, 'temporal')
  }
  await expect(
    obtainTemporal({ temporalBin: undefined, cacheDir, path: '', signal: interrupt.signal, ways: [{ source: 'build', get }] }),
  ).rejects.toThrow('interrupted')
  expect(await readdir(join(cacheDir, 'temporal'))).toEqual(['lock'])
  expect(existsSync(`/proc/${(await readFile(join(cacheDir, 'pid'), 'utf8')).trim()}`)).toBe(false)
})

test('a tool that hangs is ended with its children', async () => {
  const file = join(await testFolder(), 'pid')
  await expect(runTool('sh', ['-c', 'sleep 600 & echo $! > "$0"; wait', file], { timeoutMs: 500 })).rejects.toThrow(
    'sh took longer than 0.5 s',
  )
  const pid = Number(await readFile(file, 'utf8'))
  await vi.waitFor(() => expect(processStartTime(pid)).toBeNull())
})

test('the build is told to need no C compiler and to install into the given folder; its output is counted', async () => {
  const folder = await testFolder()
  const go = 'echo "$@" > "$GOBIN/argv"; echo "$CGO_ENABLED" >> "$GOBIN/argv"; echo net >&2; echo "go: downloading x" >&2'
  await script(join(folder, 'bin', 'go'), go)
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env['PATH']}`)
  const lines: string[] = []
  await expect(buildTemporal(folder, { onProgress: (line) => lines.push(line) })).resolves.toBe(join(folder, 'temporal'))
  vi.unstubAllEnvs()
  const [argv, cgo] = (await readFile(join(folder, 'argv'), 'utf8')).split('\n')
  expect(argv).toMatch(/^install .* github\.com\/temporalio\/cli\/cmd\/temporal@v1\.5\.1$/)
  expect(cgo).toBe('0')
  expect(lines[0]).toContain('from source with Go')
})

test('a machine without Go says so', async () => {
  const folder = await testFolder()
  vi.stubEnv('PATH', folder)
  await expect(buildTemporal(folder, { onProgress: () => {} })).rejects.toThrow('go is not installed')
  vi.unstubAllEnvs()
})
