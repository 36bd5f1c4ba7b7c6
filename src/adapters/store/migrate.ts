import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { AimError } from '../../contracts/errors.js'
import type { SqlSession } from './database.js'

export type Migration = { version: number; name: string; sql: string }

/** Any number that other programs on the same server are unlikely to lock. */
const LOCK = 4_711_620_150
/** A migration may wait for another process that migrates: longer than a query may take. */
const LIMIT = '5min'

/** The SQL files that this program was shipped with, in order: `0001_name.sql`, `0002_...`. */
export async function shippedMigrations(): Promise<Migration[]> {
  const folder = new URL('./migrations/', import.meta.url)
  const names = (await readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => ({ version: Number(name.slice(0, 4)), name, sql: await readFile(new URL(name, folder), 'utf8') })),
  )
}

/**
 * Brings the schema up to the shipped migrations: all that are missing or none, by one process at a time. drizzle's own migrator takes
 * no lock, compares times only, and so neither sees a file that was changed after it ran nor a database that is newer than the program.
 * @throws AimError `StoreMismatch` in those two cases; nothing is changed then.
 */
export async function migrate(session: SqlSession, migrations: Migration[]): Promise<void> {
  await session.run('begin')
  try {
    await session.run(`set local statement_timeout = '${LIMIT}'`)
    await session.rows('select pg_advisory_xact_lock($1)', [LOCK])
    await session.run(`create table if not exists aim_migrations (
      version integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now()
    )`)
    for (const migration of await pending(session, migrations)) {
      await session.run(migration.sql)
      const { version, name } = migration
      await session.rows('insert into aim_migrations (version, name, sha256) values ($1, $2, $3)', [version, name, digest(migration)])
    }
    await session.run('commit')
  } catch (error) {
    await session.run('rollback')
    throw error
  }
}

async function pending(session: SqlSession, migrations: Migration[]): Promise<Migration[]> {
  const applied = await session.rows('select version, name, sha256 from aim_migrations order by version')
  for (const { version, name, sha256 } of applied) {
    const shipped = migrations.find((migration) => migration.version === version)
    if (shipped === undefined)
      throw new AimError('StoreMismatch', { reason: `it has migration ${String(name)}, which this version does not know` })
    if (digest(shipped) !== sha256)
      throw new AimError('StoreMismatch', { reason: `its migration ${String(name)} is not the one of this version` })
  }
  return migrations.filter(({ version }) => !applied.some((row) => row['version'] === version))
}

const digest = ({ sql }: Migration): string => createHash('sha256').update(sql).digest('hex')
