import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import type { Report } from '../output/report.js'
import { parseRevision, storedRevision } from '../stored-revision.js'
import { planText } from '../views/plan.js'

export type ExplainOptions = { revision?: number }

/** The plan as it was stored when the revision (`chat@1`, or `chat` with `--revision`) was deployed: nothing is planned anew. */
export async function explain(cli: Cli, [name = '']: string[], { revision }: ExplainOptions): Promise<Report> {
  const { endpoint, revision: named } = parseRevision(name)
  if (named !== null && revision !== undefined && named !== revision) {
    throw new AimError('InvalidInput', { field: '--revision', rule: `${revision} is not that of ${name}: give one of them` })
  }
  const { plan, ...record } = await storedRevision(cli, endpoint, named ?? revision ?? null)
  if (plan === null) throw new AimError('NotFound', { what: `the plan of revision ${record.revision} of ${endpoint}` })
  if (!Array.isArray(plan.assumed))
    throw new AimError('NotFound', { what: `a plan that this version can read: that of ${endpoint} is of an earlier one` })
  const { startedAt, actor, request } = record
  return {
    data: { endpoint, revision: record.revision, deployedAt: startedAt, deployedBy: actor, request, plan },
    names: plan.candidates.map(({ recipe }) => recipe),
    text: (view) => planText(plan, view),
    notes: [`revision ${record.revision} of ${endpoint}, deployed ${startedAt} by ${actor}; its plan as it was stored then`],
  }
}
