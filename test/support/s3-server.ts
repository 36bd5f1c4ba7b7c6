import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePorts, isPortFree } from '../../src/config/free-ports.js'
import { underLock } from './tool-lock.js'
import { waitFor } from './wait-for.js'

const SOURCE = fileURLToPath(new URL('./s3-server/', import.meta.url))
const FILES = ['main.go', 'go.mod', 'go.sum']
const LIMIT_MS = 15 * 60_000

export type S3Server = { endpoint: string; accessKey: string; secretKey: string; close(): Promise<void> }

/**
 * Path of a real S3-compatible server, rclone's, built from its source with Go once (about a minute on 2 cores) and kept where our tools are;
 * null where it cannot be built.
 */
export async function obtainS3Server(): Promise<string | null> {
  const hash = createHash('sha256')
  for (const name of FILES) hash.update(await readFile(join(SOURCE, name)))
  const folder = join(process.env['AIM_CACHE_DIR'] ?? join(homedir(), '.cache', 'aim-engine'), 's3-server')
  const program = join(folder, hash.digest('hex').slice(0, 16))
  if (existsSync(program)) return program
  await mkdir(folder, { recursive: true })
  return underLock(join(folder, 'lock'), async () => (existsSync(program) ? program : build(program, join(folder, 'part'))))
}

async function build(program: string, part: string): Promise<string | null> {
  try {
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' }
    await promisify(execFile)('go', ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', part, '.'], {
      cwd: SOURCE,
      env,
      timeout: LIMIT_MS,
    })
    await rename(part, program)
    return program
  } catch {
    return null // no Go, or no network: the tests that need it are shown as skipped
  } finally {
    await rm(part, { force: true })
  }
}

/** Serves the folders in `dir` as buckets. */
export async function startS3Server(program: string, dir: string): Promise<S3Server> {
  const [port = 0] = await freePorts(1)
  const [accessKey, secretKey] = ['AIMTESTKEY', 'aim-test-secret']
  const argv = [
    'serve',
    's3',
    '--config',
    '',
    '--auth-key',
    `${accessKey},${secretKey}`,
    '--addr',
    `127.0.0.1:${port}`,
    '--dir-cache-time',
    '0s',
    dir,
  ]
  const child = spawn(program, argv, { stdio: 'ignore', env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], HOME: dir } })
  await waitFor('the S3 server', async () => {
    if (child.exitCode !== null) throw new Error(`the S3 server ended with ${child.exitCode}`)
    return !(await isPortFree(port))
  })
  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessKey,
    secretKey,
    async close() {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    },
  }
}
