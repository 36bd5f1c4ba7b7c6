import type { Records } from '../../ports/records.js'
import { createRecords } from './create-records.js'
import type { Database } from './database.js'
import { redact, storeFailure } from './failure.js'
import { migrate, shippedMigrations } from './migrate.js'
import { openPglite } from './pglite.js'
import { openPostgres, secretsOf } from './postgres.js'

export type RecordsOptions = {
  /** A PostgreSQL server; without one the database is opened in this process, on `folder`. */
  databaseUrl: string | undefined
  folder: string
  /** Told what people should know and nobody asked: a lost connection, variables that are not used. */
  onWarning: (message: string) => void
  env?: NodeJS.ProcessEnv
}

/** Variables that other programs find a PostgreSQL server by; we do not, and say so. */
const LIBPQ = ['PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGDATABASE', 'PGUSER', 'PGPASSWORD', 'PGPASSFILE', 'PGSERVICE']

/**
 * Opens the records and brings their schema up to date. The drivers are loaded by this call, not by the import. Begin it early and
 * await it late: in this process it takes half a second, and 4 seconds the first time.
 * @throws AimError `StoreFailed` (may be tried again), `AlreadyRunning`, `StoreMismatch`, `InvalidInput`.
 */
export async function openRecords({ databaseUrl, folder, onWarning, env = process.env }: RecordsOptions): Promise<Records> {
  const secrets = databaseUrl === undefined ? [] : secretsOf(databaseUrl)
  const warn = (message: string): void => onWarning(redact(message, secrets))
  const ignored = LIBPQ.filter((name) => env[name])
  if (databaseUrl === undefined && ignored.length > 0) warn(`not used: ${ignored.join(', ')}; set DATABASE_URL for a PostgreSQL server`)
  const database = await safely(secrets, () => (databaseUrl === undefined ? openPglite(folder) : openPostgres(databaseUrl, warn)))
  await safely(secrets, () => upToDate(database))
  return guarded(createRecords(database, warn), secrets)
}

async function upToDate(database: Database): Promise<void> {
  try {
    const migrations = await shippedMigrations()
    await database.withSession((session) => migrate(session, migrations))
  } catch (error) {
    await database.close()
    throw error
  }
}

function guarded(records: Records, secrets: string[]): Records {
  let closed: Promise<void> | null = null
  return {
    begin: (...asked) => safely(secrets, () => records.begin(...asked)),
    savePlan: (...asked) => safely(secrets, () => records.savePlan(...asked)),
    saveAttempt: (...asked) => safely(secrets, () => records.saveAttempt(...asked)),
    finish: (...asked) => safely(secrets, () => records.finish(...asked)),
    lastRevision: (...asked) => safely(secrets, () => records.lastRevision(...asked)),
    saveMeasurement: (...asked) => safely(secrets, () => records.saveMeasurement(...asked)),
    measurements: (...asked) => safely(secrets, () => records.measurements(...asked)),
    history: (...asked) => safely(secrets, () => records.history(...asked)),
    close: () => (closed ??= safely(secrets, () => records.close())),
  }
}

/** Every failure as an AimError that may be shown. */
async function safely<R>(secrets: string[], call: () => Promise<R>): Promise<R> {
  try {
    return await call()
  } catch (error) {
    throw storeFailure(error, secrets)
  }
}
