import { cpSync, existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openPglite } from '../../src/adapters/store/pglite.js'
import { loadSettings } from '../../src/config/load.js'
import { underLock } from './tool-lock.js'

/** Puts an empty database into the home of a stack, as its first start makes it: that takes longer than all else that it does. */
export async function placeEmptyDatabase(folder: string): Promise<void> {
  cpSync(await obtainEmptyDatabase(), folder, { recursive: true })
}

/** Made once by our own code into the tools' cache, for each version of what makes it. */
export async function obtainEmptyDatabase(cacheDir = loadSettings().settings.cacheDir): Promise<string> {
  const target = join(cacheDir, 'empty-database', versionOfPglite())
  return underLock(join(cacheDir, 'empty-database', 'lock'), async () => {
    if (!existsSync(target)) await make(target)
    return target
  })
}

async function make(target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true })
  const folder = await mkdtemp(join(dirname(target), '.unfinished-'))
  try {
    await (await openPglite(join(folder, 'database'))).close()
    await rename(join(folder, 'database'), target)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function versionOfPglite(): string {
  const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Record<string, { version: string }>
  }
  const { version } = lock.packages['node_modules/@electric-sql/pglite'] ?? {}
  if (version === undefined) throw new Error('package-lock.json names no PGlite')
  return version
}
