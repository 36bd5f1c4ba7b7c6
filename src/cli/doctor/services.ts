import { existsSync } from 'node:fs'
import { readSecret } from '../../config/secrets.js'
import { temporalOf } from '../../config/stack-file.js'
import { AimError } from '../../contracts/errors.js'
import { SEARCH_ATTRIBUTES } from '../../contracts/search-attributes.js'
import { fail, ok, skipped, warn, type Check } from './check.js'

const REPLY_MS = 3000

export const temporalChecks: Check[] = [
  {
    code: 'temporal.program',
    async run({ configuration: { settings } }) {
      if (settings.temporalAddress !== undefined) return skipped(`TEMPORAL_ADDRESS is set: ${settings.temporalAddress}`)
      const { localTemporal } = await import('../../worker/local-temporal.js')
      const found = await localTemporal(settings)
      if ('program' in found) return ok(`${found.program.path} (server ${found.program.server})`)
      return warn(found.reasons.join('; '), '`aim up` downloads or builds it once; or install the temporal CLI')
    },
  },
  {
    code: 'temporal.reachable',
    async run({ configuration: { settings } }) {
      const temporal = temporalOf(settings)
      if (temporal === null) return skipped('nothing runs here', 'aim up')
      const missing = await missingAttributes(temporal)
      const evidence = `${temporal.address} answers, namespace ${temporal.namespace}`
      if (missing.length === 0) return ok(evidence)
      const names = missing.map((name) => `--name ${name} --type Keyword`).join(' ')
      return fail(
        `${evidence}; search attributes are missing: ${missing.join(', ')}`,
        `temporal operator search-attribute create --namespace ${temporal.namespace} ${names}`,
      )
    },
  },
  {
    code: 'temporal.nodes',
    async run({ cli, configuration: { settings } }) {
      if (temporalOf(settings) === null) return skipped('nothing runs here', 'aim up')
      const nodes = await (await cli.connect()).nodes()
      return nodes.length === 0 ? warn('no node has registered', 'aim up, or aim node on the GPU machine') : ok(nodes.join(', '))
    },
  },
]

async function missingAttributes({ address, namespace }: { address: string; namespace: string }): Promise<string[]> {
  const { Connection } = await import('@temporalio/client')
  const connection = await Connection.connect({ address, connectTimeout: REPLY_MS }).catch((error: unknown) => {
    throw new AimError('TemporalUnreachable', { address }, { cause: error })
  })
  try {
    const { customAttributes } = await connection.withDeadline(Date.now() + REPLY_MS, () =>
      connection.operatorService.listSearchAttributes({ namespace }),
    )
    return SEARCH_ATTRIBUTES.filter((name) => !(name in (customAttributes ?? {})))
  } finally {
    await connection.close()
  }
}

/** A running stack keeps what it was started with: this is what the next one started here would have. */
const HERE = 'by the settings of this shell'

export const hubChecks: Check[] = [
  {
    code: 'hub.reachable',
    async run({ configuration: { settings } }) {
      if (settings.hubDir !== undefined)
        return existsSync(settings.hubDir)
          ? ok(`${settings.hubDir}, served by aim up`)
          : fail(`${settings.hubDir} does not exist`, 'correct AIM_HUB_DIR')
      const { origin } = new URL(settings.hubEndpoint)
      const fix = 'check HF_ENDPOINT and the network; on an air-gapped site: aim hub serve DIR'
      try {
        const { status } = await fetch(settings.hubEndpoint, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(REPLY_MS) })
        return status >= 500 ? fail(`${origin} answers ${status} (${HERE})`, fix) : ok(`${origin} answers (${HERE})`)
      } catch (error) {
        return fail(`${origin}: ${reasonOf(error as Error)} (${HERE})`, fix)
      }
    },
  },
  {
    code: 'hub.token',
    async run({ configuration: { settings } }) {
      const token = await readSecret(settings.hubToken)
      return token === null
        ? skipped(`${settings.hubToken} is not set: public models only (${HERE})`)
        : ok(`${settings.hubToken} is set (${HERE})`)
    },
  },
]

export const databaseChecks: Check[] = [
  {
    code: 'database.ready',
    async run({ cli, configuration: { settings, paths } }) {
      if (settings.databaseUrl !== undefined) return reachDatabase(settings.databaseUrl)
      const stray = Object.keys(cli.terminal.env).filter((name) => /^PG(HOST|PORT|DATABASE|USER|PASSWORD)$/.test(name))
      if (stray.length > 0)
        return warn(`${stray.join(', ')} set, but not DATABASE_URL: they are not used`, 'set DATABASE_URL to use that server')
      return ok(`in the process of aim up, kept in ${paths.database}`)
    },
  },
]

/** Never shows the URL: it may hold a password. */
async function reachDatabase(databaseUrl: string): Promise<ReturnType<typeof ok>> {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: REPLY_MS, query_timeout: REPLY_MS })
  const place = `${client.host}:${client.port}/${client.database ?? ''}`
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return ok(`${place} answers, PostgreSQL ${rows[0]?.server_version ?? 'of unknown version'}`)
  } catch (error) {
    return fail(`${place}: ${reasonOf(error as Error)}`, 'check DATABASE_URL')
  } finally {
    await client.end().catch(() => undefined) // a connection that never came
  }
}

function reasonOf(error: Error): string {
  if (error.name === 'TimeoutError') return `no answer in ${REPLY_MS / 1000} s`
  return error.cause instanceof Error && error.cause.message !== ''
    ? error.cause.message
    : error.message || (error as NodeJS.ErrnoException).code || 'no reason given'
}
