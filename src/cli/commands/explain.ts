import type { EndpointView } from '../../contracts/endpoint.js'
import { AimError, isAimError } from '../../contracts/errors.js'
import { fetchHistory } from '../api.js'
import type { Cli } from '../cli.js'
import type { Report } from '../output/report.js'
import { parseRevision, storedRevision } from '../stored-revision.js'
import { planText } from '../views/plan.js'
import { troubleOf, troubleText, type Trouble } from '../views/trouble.js'

export type ExplainOptions = { revision?: number }

/** Flows back in which tries are looked for. */
const DEPTH = 20

/**
 * What is wrong now, the evidence, what was tried and what comes next; then the plan as it was stored when the revision (`chat@1`, or `chat`
 * with `--revision`) was deployed: nothing is planned anew.
 */
export async function explain(cli: Cli, [name = '']: string[], { revision }: ExplainOptions): Promise<Report> {
  const { endpoint, revision: named } = parseRevision(name)
  if (named !== null && revision !== undefined && named !== revision) {
    throw new AimError('InvalidInput', { field: '--revision', rule: `${revision} is not that of ${name}: give one of them` })
  }
  const wanted = named ?? revision ?? null
  const trouble = wanted === null ? await troubleNow(cli, endpoint) : null
  const found = await storedRevision(cli, endpoint, wanted).catch((error: unknown) => {
    if (isAimError(error) && error.code === 'NotFound' && trouble !== null && isKnown(trouble)) return null
    throw error
  })
  if (found === null) return troubleOnly(endpoint, trouble ?? { now: null, attempts: [], failed: null })
  const { plan, ...record } = found
  if (plan === null)
    throw new AimError('NotFound', { what: `the plan of revision ${record.revision} of ${endpoint}`, next: `aim history ${endpoint}` })
  if (!Array.isArray(plan.assumed))
    throw new AimError('NotFound', {
      what: `a plan that this version can read: that of ${endpoint} is of an earlier one`,
      next: `deploy it again: aim deploy, or see what it is: aim status ${endpoint}`,
    })
  const { startedAt, actor, request } = record
  return {
    data: { endpoint, revision: record.revision, deployedAt: startedAt, deployedBy: actor, request, ...trouble, plan },
    names: plan.candidates.map(({ recipe }) => recipe),
    text: (view) => (trouble === null ? '' : troubleText(trouble, view)) + planText(plan, view),
    notes: [`revision ${record.revision} of ${endpoint}, deployed ${startedAt} by ${actor}; its plan as it was stored then`],
  }
}

/** Tries of flows that came to nothing, or that healed; those that are older than what serves are over. */
async function troubleNow(cli: Cli, endpoint: string): Promise<Trouble> {
  const { settings, paths } = await cli.configuration()
  const history = await fetchHistory(settings, paths, endpoint, DEPTH)
  const since = history.findIndex(({ state, attempts }) => state === 'deployed' && attempts.every(({ outcome }) => outcome === 'ready'))
  return troubleOf(await viewNow(cli, endpoint), since === -1 ? history : history.slice(0, since))
}

/** The stored plan is an answer too when nobody can tell how it stands now. */
async function viewNow(cli: Cli, endpoint: string): Promise<EndpointView | null> {
  try {
    return (await (await cli.connect()).endpoint(endpoint)).view
  } catch (error) {
    if (isAimError(error)) return null
    throw error
  }
}

const isKnown = ({ now, attempts, failed }: Trouble): boolean => now !== null || attempts.length > 0 || failed !== null

/** It never served: there is no plan of a revision, but there is what was tried. */
function troubleOnly(endpoint: string, trouble: Trouble): Report {
  return {
    data: { endpoint, revision: null, ...trouble, plan: null },
    names: [],
    text: (view) => troubleText(trouble, view),
    notes: [`no revision of ${endpoint} has served yet`],
  }
}
