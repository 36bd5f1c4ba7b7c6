import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { freePorts } from '../../../src/config/free-ports.js'

const PACKAGES = '/usr/lib/postgresql'
const USER = 'aim'
export const PASSWORD = 'p%40ss/w:rd'

export type PostgresServer = { url: string; port: number; stop(): Promise<void> }

/** Programs of the newest PostgreSQL server package; null when there is none. */
export async function postgresPrograms(): Promise<string | null> {
  const versions = existsSync(PACKAGES) ? await readdir(PACKAGES) : []
  const newest = versions
    .filter((version) => existsSync(join(PACKAGES, version, 'bin', 'initdb')))
    .toSorted((a, b) => Number(b) - Number(a))[0]
  return newest === undefined ? null : join(PACKAGES, newest, 'bin')
}

/** A PostgreSQL server of our own with a password, on a free port of 127.0.0.1. As root it runs as `nobody`: it refuses root. */
export async function startPostgres(programs: string): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'aim-test-postgres-'))
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  if (nobody.uid !== undefined) await chown(folder, nobody.uid, nobody.gid)
  const data = join(folder, 'data')
  const passwordFile = join(folder, 'password')
  await promisify(execFile)('sh', ['-c', 'umask 077; printf %s "$1" > "$0"', passwordFile, PASSWORD], nobody)
  const options = ['--auth=scram-sha-256', `--username=${USER}`, `--pwfile=${passwordFile}`, '--no-sync', '--encoding=UTF8', '--locale=C']
  await promisify(execFile)(join(programs, 'initdb'), ['-D', data, ...options], nobody)
  const [port] = (await freePorts(1)) as [number]
  const argv = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-c', 'fsync=off']
  const server = spawn(join(programs, 'postgres'), argv, { ...nobody, stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const url = `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres`
  while (!(await answers(url))) {
    if (server.exitCode !== null) throw new Error(`postgres ended with ${server.exitCode}`)
    await sleep(50)
  }
  return {
    port,
    url,
    async stop() {
      server.kill('SIGINT')
      await ended
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An open port is not enough: a server that starts up takes connections and refuses them. */
async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url })
  try {
    await client.connect()
    return true
  } catch {
    return false // not yet
  } finally {
    await client.end()
  }
}
