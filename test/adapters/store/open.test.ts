import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { openRecords } from '../../../src/adapters/store/open.js'
import { freePorts } from '../../../src/config/free-ports.js'
import { PASSWORD, postgresPrograms, startPostgres, type PostgresServer } from './postgres-server.js'

const BEGUN = { workflowId: 'deploy/x', runId: 'r', kind: 'deploy', endpoint: 'x', actor: 'a', reason: null, request: {} } as const

describe('in this process', () => {
  let base: string
  beforeAll(async () => {
    base = join(await mkdtemp(join(tmpdir(), 'aim-test-store-')), 'database')
    await mkdir(`${base}.unfinished-1`)
    await (await openInProcess(base)).close()
  }, 180_000) // a new database is 4 s of work for one core, and the machine may be busy
  afterAll(() => rm(join(base, '..'), { recursive: true }))

  test('a second opener is refused and told who holds it; after closing it opens', async () => {
    const first = await openInProcess(base)
    await expect(openInProcess(base)).rejects.toMatchObject({ code: 'AlreadyRunning', details: { pid: process.pid } })
    await first.close()
    await (await openInProcess(base)).close()
  })

  test('a holder in another process is refused to us, and when it is killed nothing is in the way and nothing is lost', async () => {
    const argv = ['--import', './test/support/typescript-loader.mjs', './test/adapters/store/holder.ts', base, JSON.stringify(BEGUN)]
    const holder = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void holder.kill('SIGKILL'))
    await once(createInterface({ input: holder.stdout }), 'line')
    await expect(openInProcess(base)).rejects.toMatchObject({ code: 'AlreadyRunning', details: { pid: holder.pid } })
    const ended = once(holder, 'exit')
    holder.kill('SIGKILL')
    await ended
    const records = await openInProcess(base)
    expect(await records.history('x', 1)).toMatchObject([BEGUN])
    await records.close()
  })

  test('what a killed first start left half-made was removed', async () => {
    expect((await readdir(join(base, '..'))).toSorted()).toEqual(['database', 'database.lock'])
  })

  test('a folder that is no database is kept, and the error names it', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'aim-test-store-'))
    onTestFinished(() => rm(parent, { recursive: true }))
    const folder = join(parent, 'database')
    await mkdir(folder)
    await writeFile(join(folder, 'PG_VERSION'), '12\n')
    await expect(openInProcess(folder)).rejects.toMatchObject({ code: 'StoreFailed', message: expect.stringContaining(folder) })
    expect(await readdir(folder)).toContain('PG_VERSION')
  })

  test('variables for other PostgreSQL programs are not used, and that is said by name alone', async () => {
    const warn = vi.fn<(message: string) => void>()
    const env = { PGHOST: 'db.example', PGPASSWORD: 'secret', PGCLIENTENCODING: 'UTF8' }
    await (await openRecords({ databaseUrl: undefined, folder: base, env, onWarning: warn })).close()
    expect(warn.mock.calls).toEqual([['not used: PGHOST, PGPASSWORD; set DATABASE_URL for a PostgreSQL server']])
  })
})

test.each(['mysql://u:tops3cret@h/d', 'tops3cret', 'postgres//u:tops3cret@h', 'postgres://u:tops3cret%@h/d'])(
  'an address that is no PostgreSQL URL is refused without repeating it: %s',
  async (url) => {
    const failure = await failureOf(url)
    expect(failure).toMatchObject({ code: 'InvalidInput', details: { field: 'DATABASE_URL' } })
    expect(everythingIn(failure)).not.toContain('tops3cret')
  },
)

test('a server that does not answer is StoreFailed with the reason and without the password', async () => {
  const [port] = await freePorts(1)
  const failure = await failureOf(`postgres://me:top%2Fsecret@127.0.0.1:${port}/d`)
  expect(failure).toMatchObject({ code: 'StoreFailed', message: expect.stringContaining('ECONNREFUSED') })
  expect(everythingIn(failure)).not.toMatch(/top(%2F|\/)secret/)
})

const programs = await postgresPrograms()
const noServer = programs === null ? ' (skipped: no PostgreSQL server on this machine; Debian: apt-get install postgresql)' : ''

describe.skipIf(programs === null)(`on a PostgreSQL server${noServer}`, () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres(programs!)
  })
  afterAll(() => server.stop())

  test('a wrong password is StoreFailed and is not repeated', async () => {
    const failure = await failureOf(server.url.replace(encodeURIComponent(PASSWORD), 'wrong%2Bsecret'))
    expect(failure).toMatchObject({ code: 'StoreFailed', message: expect.stringContaining('password authentication failed') })
    expect(everythingIn(failure)).not.toMatch(/wrong(%2B|\+)secret/)
  })

  test('two that open a new database at the same time both succeed', async () => {
    const opened = await Promise.all([openOnServer(server.url), openOnServer(server.url)])
    await opened[0].begin(BEGUN)
    expect(await opened[1].history('x', 1)).toMatchObject([BEGUN])
    await Promise.all(opened.map((records) => records.close()))
  })

  test('a connection that the server drops is said, and the next call makes a new one', async () => {
    const warn = vi.fn<(message: string) => void>()
    const records = await openRecords({ databaseUrl: server.url, folder: '/nonexistent', env: {}, onWarning: warn })
    await records.lastRevision('x')
    await terminateConnections(server.url)
    await vi.waitFor(() => expect(warn).toHaveBeenCalledWith(expect.stringContaining('a database connection was lost')), 10_000)
    await expect(records.lastRevision('x')).resolves.toBe(0)
    await records.close()
  })
})

const openInProcess = (folder: string) => openRecords({ databaseUrl: undefined, folder, env: {}, onWarning: () => {} })
const openOnServer = (url: string) => openRecords({ databaseUrl: url, folder: '/nonexistent', env: {}, onWarning: () => {} })

function failureOf(url: string): Promise<unknown> {
  return openOnServer(url).then(
    () => null,
    (error: unknown) => error,
  )
}

/** All that a log could print of an error: message, stack, own properties, and the same of each cause. */
function everythingIn(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return [error.stack, JSON.stringify(error), JSON.stringify(Object.getOwnPropertyDescriptors(error)), everythingIn(error.cause)].join('\n')
}

async function terminateConnections(url: string): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client(url)
  await client.connect()
  await client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'aim-engine'")
  await client.end()
}
