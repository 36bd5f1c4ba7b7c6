import { PGlite } from '@electric-sql/pglite'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SqlSession } from '../../../src/adapters/store/database.js'
import { migrate, shippedMigrations, type Migration } from '../../../src/adapters/store/migrate.js'

const FIRST: Migration = { version: 1, name: '0001_a.sql', sql: 'create table a (x int); insert into a values (1);' }
const SECOND: Migration = { version: 2, name: '0002_b.sql', sql: 'alter table a add column y int default 2;' }
const BROKEN: Migration = { version: 2, name: '0002_b.sql', sql: 'alter table a add column y int; select nonsense;' }

let database: PGlite
let session: SqlSession
beforeAll(async () => {
  database = await PGlite.create()
  session = {
    run: async (statements) => void (await database.exec(statements)),
    rows: async (statement, parameters) => (await database.query<Record<string, unknown>>(statement, parameters)).rows,
  }
}, 180_000) // a new database is 4 s of work for one core, and the machine may be busy
beforeEach(() => session.run('drop schema public cascade; create schema public'))
afterAll(() => database.close())

test('what is missing is applied in order and once', async () => {
  await migrate(session, [FIRST])
  await migrate(session, [FIRST, SECOND])
  await migrate(session, [FIRST, SECOND])
  expect(await session.rows('select * from a')).toEqual([{ x: 1, y: 2 }])
  expect(await session.rows('select version, name from aim_migrations order by version')).toEqual([
    { version: 1, name: '0001_a.sql' },
    { version: 2, name: '0002_b.sql' },
  ])
})

test('when one fails nothing of it stays, nor of those before it', async () => {
  await expect(migrate(session, [FIRST, BROKEN])).rejects.toThrow('nonsense')
  await expect(session.rows('select * from a')).rejects.toThrow('does not exist')
  await migrate(session, [FIRST])
})

test('a migration that was changed after it ran is refused, and nothing is applied', async () => {
  await migrate(session, [FIRST])
  const changed = { ...FIRST, sql: `${FIRST.sql} -- another` }
  await expect(migrate(session, [changed, SECOND])).rejects.toMatchObject({
    code: 'StoreMismatch',
    message: expect.stringContaining('0001_a.sql'),
  })
  expect(await session.rows('select * from a')).toEqual([{ x: 1 }])
})

test('a database that a newer version wrote is refused', async () => {
  await migrate(session, [FIRST, SECOND])
  await expect(migrate(session, [FIRST])).rejects.toMatchObject({ code: 'StoreMismatch', message: expect.stringContaining('0002_b.sql') })
})

test('the shipped migrations are numbered from 1 without a gap', async () => {
  const shipped = await shippedMigrations()
  expect(shipped.map(({ version }) => version)).toEqual(shipped.map((_, index) => index + 1))
  expect(shipped.length).toBeGreaterThan(0)
})
