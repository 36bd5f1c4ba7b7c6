import type { AimClient, EndpointStatus } from '../client/types.js'
import type { DeployRequest } from '../contracts/deploy.js'
import type { DeployResult, EndpointPhase, EndpointView } from '../contracts/endpoint.js'
import { isAimError } from '../contracts/errors.js'
import { specFingerprint } from '../domain/placement.js'
import type { Candidate } from '../domain/plan.js'
import type { Cli } from './cli.js'
import { confirm } from './confirm.js'
import { unlessInterrupted } from './interrupt.js'
import { tableOf, type Column } from './output/report.js'
import { paintFor } from './output/style.js'
import { changesBetween, type FactChange, type Facts } from './views/changes.js'

const COLUMNS: Column<FactChange>[] = [
  { header: 'CHANGES', value: ({ field }) => field },
  { header: 'SERVES NOW', value: ({ from }) => from, flexible: true },
  { header: 'WOULD SERVE', value: ({ to }) => to, flexible: true },
]

/**
 * Before an endpoint's engine is replaced: plans without changing anything, shows what would change, and asks. True to go on.
 * A new name, and the very spec that serves already, need no question. Throws ConfirmationNeeded where nobody can be asked.
 */
export async function confirmReplacement(cli: Cli, client: AimClient, request: DeployRequest): Promise<boolean> {
  const { endpoint } = request
  const status = await statusOf(client, endpoint)
  if (status === null) return true
  const { view, problem } = status
  if (view === null) return confirm(cli, `replacing ${endpoint}, which does not answer (${problem ?? 'no reason given'})`)
  if (view.revision === null || view.operation !== null) return true // the flow itself joins or refuses
  const planned = await planOf(cli, client, request, view.phase)
  const [best] = planned.plan.candidates
  if (best === undefined || isServedAlready(best, planned.model.commit, request, view)) return true
  showChanges(cli, changesBetween(factsNow(view, request), factsPlanned(planned, request)))
  return confirm(cli, `replacing revision ${view.revision.revision} of ${endpoint}`)
}

function isServedAlready(best: Candidate, commit: string, { port }: DeployRequest, { revision, replica }: EndpointView): boolean {
  return specFingerprint(best, commit) === revision?.specFingerprint && (port === undefined || port === replica?.spec.port)
}

async function statusOf(client: AimClient, endpoint: string): Promise<EndpointStatus | null> {
  try {
    return await client.endpoint(endpoint)
  } catch (error) {
    if (isAimError(error) && error.code === 'NotFound') return null
    throw error
  }
}

async function planOf(cli: Cli, client: AimClient, request: DeployRequest, phase: EndpointPhase): Promise<DeployResult> {
  cli.note(`${request.endpoint} is there already (${phase}); planning to see what would change`)
  const handle = await client.deploy({ ...request, dryRun: true })
  return unlessInterrupted(handle.result(), cli.interrupts(), ['nothing was changed'])
}

/** A port that was not asked for is not a change: the engine may get any. */
function factsNow({ revision, replica }: EndpointView, { port }: DeployRequest): Facts {
  return known({
    model: revision?.model,
    commit: revision?.commit,
    recipe: revision?.recipe,
    backend: replica?.spec.backend,
    node: replica?.nodeId,
    gpus: replica?.spec.gpus.join(','),
    file: replica?.spec.modelFile,
    context: replica?.spec.context,
    port: port === undefined ? undefined : replica?.spec.port,
    parallel: replica && JSON.stringify(replica.spec.parallel),
    settings: replica && JSON.stringify(replica.spec.settings),
    args: replica && JSON.stringify(replica.spec.args),
    env: replica && JSON.stringify(replica.spec.env),
  })
}

function factsPlanned({ model, plan }: DeployResult, { port }: DeployRequest): Facts {
  const best = plan.candidates[0]
  return known({
    model: model.repo,
    commit: model.commit,
    recipe: best?.recipe,
    backend: best?.backend,
    node: best?.node,
    gpus: best?.gpus.join(','),
    file: best?.modelFile,
    context: best?.context,
    port,
    parallel: best && JSON.stringify(best.parallel),
    settings: best && JSON.stringify(best.settings),
    args: best && JSON.stringify(best.args),
    env: best && JSON.stringify(best.env),
  })
}

function known(facts: Record<string, string | number | null | undefined>): Facts {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([field, value]) =>
      value === undefined || value === null || value === '' ? [] : [[field, String(value)]],
    ),
  )
}

function showChanges({ terminal, flags }: Cli, changes: FactChange[]): void {
  const { stderr, env } = terminal
  if (changes.length === 0) return
  const width = stderr.isTTY ? (stderr.columns ?? 80) : null
  stderr.write(tableOf(changes, COLUMNS, { paint: paintFor(stderr, env, flags.color), width, wide: false, time: 'iso', now: 0 }))
}
