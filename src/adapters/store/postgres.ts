import { AimError } from '../../contracts/errors.js'
import type { Database, SqlSession } from './database.js'

/** Few: each write is one short statement, and a cluster has several workers. */
const CONNECTIONS = 4
const CONNECT_LIMIT_MS = 10_000
const STATEMENT_LIMIT_MS = 10_000
/** For a connection whose other end is gone without a word; longer than a migration may wait. */
const ANSWER_LIMIT_MS = 6 * 60_000

/** Opens a pool on a PostgreSQL server; the first connection is made by the first query. */
export async function openPostgres(url: string, onWarning: (message: string) => void): Promise<Database> {
  const [{ Pool }, { drizzle }] = await Promise.all([import('pg').then((pg) => pg.default), import('drizzle-orm/node-postgres')])
  const pool = new Pool({
    connectionString: url,
    application_name: 'aim-engine',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    statement_timeout: STATEMENT_LIMIT_MS,
    query_timeout: ANSWER_LIMIT_MS,
    keepAlive: true,
  })
  // An idle connection that breaks is made anew by the next query; without a listener it would end this process.
  let open = true
  pool.on('error', (error) => open && onWarning(`a database connection was lost: ${error.message}`))
  return {
    db: drizzle(pool),
    async withSession(use) {
      const client = await pool.connect()
      const session: SqlSession = {
        run: async (statements) => void (await client.query(statements)),
        rows: async (statement, parameters = []) => (await client.query(statement, parameters)).rows as Record<string, unknown>[],
      }
      try {
        return await use(session)
      } finally {
        client.release()
      }
    },
    close() {
      open = false
      return pool.end()
    },
  }
}

/** What must never be printed: the URL, and its password in both spellings. Throws AimError `InvalidInput` for what is no such URL. */
export function secretsOf(url: string): string[] {
  const parsed = URL.canParse(url) ? new URL(url) : null
  const password = decoded(parsed?.password ?? '')
  if (parsed === null || password === null || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new AimError('InvalidInput', {
      field: 'DATABASE_URL',
      rule: 'must be postgres://user:password@host:port/database, with other characters than letters and digits of the password as %XX',
    })
  }
  return [url, parsed.password, password]
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null // a `%` that begins no %XX
  }
}
