import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'

/** One connection, for what must run in order on the same one: the migrations. */
export interface SqlSession {
  /** Runs any number of statements. */
  run(statements: string): Promise<void>
  /** Runs one statement with parameters `$1`, `$2`, ... */
  rows(statement: string, parameters?: unknown[]): Promise<Record<string, unknown>[]>
}

/** An open database of either kind: PGlite in this process, or a PostgreSQL server. */
export interface Database {
  db: PgDatabase<PgQueryResultHKT>
  withSession<T>(use: (session: SqlSession) => Promise<T>): Promise<T>
  close(): Promise<void>
}
