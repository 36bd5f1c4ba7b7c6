import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openPglite } from '../../src/adapters/store/pglite.js'
import { loadSettings } from '../../src/config/load.js'
import { underLock } from './tool-lock.js'

/** Puts an empty database into the home of a stack, as its first start makes it: that takes longer than all else that it does. */
export async function placeEmptyDatabase(folder: string): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o700 })
  cpSync(await obtainEmptyDatabase(), folder, { recursive: true })
}

/** Made once by our own code into the tools' cache, for each version of what makes it. */
export async function obtainEmptyDatabase(cacheDir = loadSettings().settings.cacheDir): Promise<string> {
  const target = join(cacheDir, 'empty-database', version())
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

/** Of PGlite and of how we open it. */
function version(): string {
  const sources = ['package-lock.json', 'src/adapters/store/pglite.ts'].map((file) =>
    readFileSync(new URL(`../../${file}`, import.meta.url)),
  )
  const hash = createHash('sha256')
  for (const source of sources) hash.update(source)
  return hash.digest('hex').slice(0, 16)
}
