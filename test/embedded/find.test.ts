import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cachedProgram, findTemporal } from '../../src/embedded/find.js'
import { claimsToBe, script, testFolder } from './programs.js'

test('a program that the setting names is taken before PATH and cache', async () => {
  const folder = await testFolder()
  const named = await script(join(folder, 'my temporal'), claimsToBe('1.29.1'))
  await script(join(folder, 'bin', 'temporal'), claimsToBe('1.30.0'))
  const found = await findTemporal({ temporalBin: named, cacheDir: folder, path: join(folder, 'bin') })
  expect(found).toEqual({ program: { path: named, source: 'setting', server: '1.29.1' } })
})

test.each([
  { what: 'does not exist', make: async (file: string) => file },
  { what: 'is no file', make: async (file: string) => (await mkdir(file), file) },
  { what: 'is not executable', make: async (file: string) => (await writeFile(file, ''), file) },
  { what: 'does not run', make: (file: string) => script(file, 'echo broken >&2; exit 3') },
  { what: 'is no temporal CLI', make: (file: string) => script(file, 'echo hello') },
  { what: 'has server 1.27.1, and 1.27.2 is the oldest', make: (file: string) => script(file, claimsToBe('1.27.1')) },
])('a program that the setting names and that $what is refused, never replaced', async ({ what, make }) => {
  const folder = await testFolder()
  await script(join(folder, 'bin', 'temporal'), claimsToBe('1.30.0'))
  const temporalBin = await make(join(folder, 'named'))
  const search = findTemporal({ temporalBin, cacheDir: folder, path: join(folder, 'bin') })
  await expect(search).rejects.toMatchObject({
    code: 'TemporalMissing',
    message: expect.stringContaining(`AIM_TEMPORAL_BIN: ${temporalBin} ${what}`),
  })
})

test('PATH is taken before the cache', async () => {
  const folder = await testFolder()
  const onPath = await script(join(folder, 'bin', 'temporal'), claimsToBe('1.30.0'))
  await script(cachedProgram(folder), claimsToBe('1.29.1'))
  const found = await findTemporal({ temporalBin: undefined, cacheDir: folder, path: `/nonexistent:relative:${join(folder, 'bin')}` })
  expect(found).toEqual({ program: { path: onPath, source: 'path', server: '1.30.0' } })
})

test('a program on PATH that is too old is passed over for the cache', async () => {
  const folder = await testFolder()
  await script(join(folder, 'bin', 'temporal'), claimsToBe('1.9.9'))
  const cached = await script(cachedProgram(folder), claimsToBe('1.29.1'))
  const found = await findTemporal({ temporalBin: undefined, cacheDir: folder, path: join(folder, 'bin') })
  expect(found).toEqual({ program: { path: cached, source: 'cache', server: '1.29.1' } })
})

test('nothing found says why for each place', async () => {
  const folder = await testFolder()
  const found = await findTemporal({ temporalBin: undefined, cacheDir: folder, path: '' })
  expect(found).toEqual({ reasons: ['PATH has no temporal', `${cachedProgram(folder)} does not exist`] })
})
