import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { lockFile, type FileLock } from '../../config/lock-file.js'
import type { Database, SqlSession } from './database.js'

/**
 * Makes an empty database. It takes 4 s and 850 MB, which WebAssembly never gives back to its process: hence one of its own.
 */
const MAKE = `
const [, pglite, dataDir] = process.argv
const { PGlite } = require(pglite)
PGlite.create({ dataDir }).then((db) => db.close()).catch((error) => { console.error(String(error)); process.exitCode = 1 })
`

/**
 * Opens PostgreSQL in this process on a folder, which is made when absent. Two processes on one folder would destroy it, so the second
 * is refused. With 8 MB of buffers, which is plenty for thousands of deployments, it takes 110 MB; with PGlite's 128 MB, 250.
 * @throws AimError `AlreadyRunning`.
 */
export async function openPglite(folder: string): Promise<Database> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o700 })
  const lock = lockFile(`${folder}.lock`, `an AIM Engine on ${folder}`)
  try {
    if (!existsSync(folder)) await make(folder)
    return await open(folder, lock)
  } catch (error) {
    lock.release()
    throw error
  }
}

async function open(folder: string, lock: FileLock): Promise<Database> {
  const [{ PGlite }, { drizzle }] = await Promise.all([import('@electric-sql/pglite'), import('drizzle-orm/pglite')])
  const client = await PGlite.create({ dataDir: folder, startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=8MB'] }).catch(
    (error: unknown) => {
      throw new Error(`${folder} does not open (${String(error)}); moved away, an empty one is made`)
    },
  )
  const session: SqlSession = {
    run: async (statements) => void (await client.exec(statements)),
    rows: async (statement, parameters) => (await client.query<Record<string, unknown>>(statement, parameters)).rows,
  }
  return {
    db: drizzle(client),
    withSession: (use) => use(session),
    async close() {
      await client.close()
      lock.release()
    },
  }
}

/** Made beside its place and moved there whole: a first start that was killed leaves nothing that looks like a database. */
async function make(folder: string): Promise<void> {
  const prefix = `${basename(folder)}.unfinished-`
  for (const name of await readdir(dirname(folder))) {
    if (name.startsWith(prefix)) await rm(join(dirname(folder), name), { recursive: true })
  }
  const unfinished = join(dirname(folder), prefix + process.pid)
  const pglite = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  const child = spawn(process.execPath, ['-e', MAKE, pglite, unfinished], { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) {
    await rm(unfinished, { recursive: true, force: true })
    throw new Error(`${folder} cannot be made: ${complaint.trim().slice(-500)}`)
  }
  await rename(unfinished, folder)
}
