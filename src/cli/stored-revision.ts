import { AimError } from '../contracts/errors.js'
import type { DeploymentHistory } from '../ports/records.js'
import { fetchHistory } from './api.js'
import type { Cli } from './cli.js'
import { checkedName } from './endpoint-name.js'

/** As far back as a revision is looked for. */
const DEEPEST = 200

/** `chat@3`, or `chat` for the newest revision of it. Throws InvalidInput. */
export function parseRevision(text: string): { endpoint: string; revision: number | null } {
  const [name = '', number, ...rest] = text.split('@')
  if (rest.length > 0 || (number !== undefined && !/^[1-9]\d{0,8}$/.test(number))) {
    throw new AimError('InvalidInput', { field: 'revision', rule: `${text} must be NAME or NAME@NUMBER` })
  }
  return { endpoint: checkedName(name), revision: number === undefined ? null : Number(number) }
}

/** The deployment that made this revision, or the newest one that serves. Throws NotFound naming the revisions that there are. */
export async function storedRevision(cli: Cli, endpoint: string, revision: number | null): Promise<DeploymentHistory> {
  const { settings, paths } = await cli.configuration()
  const records = await fetchHistory(settings, paths, endpoint, DEEPEST)
  if (records.length === 0) throw neverDeployed(endpoint)
  const made = records.filter(({ state }) => state === 'deployed')
  const found = revision === null ? made[0] : made.find((record) => record.revision === revision)
  if (found !== undefined) return found
  const known = [...new Set(made.flatMap((record) => record.revision ?? []))].toSorted((a, b) => a - b)
  const what = revision === null ? `a deployed revision of ${endpoint}` : `revision ${revision} of ${endpoint}`
  const next = `what was deployed and tried: aim history ${endpoint}`
  throw new AimError('NotFound', { what: known.length > 0 ? `${what} (there are: ${known.join(', ')})` : what, next })
}

export function neverDeployed(endpoint: string): AimError {
  return new AimError('NotFound', { what: `endpoint ${endpoint}, now or in the history,`, next: 'names that exist: aim status' })
}
