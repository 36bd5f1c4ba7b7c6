import { DEPLOY_STEPS, DeployRequest } from '../src/contracts/deploy.js'
import type { DeployResult } from '../src/contracts/endpoint.js'
import { specFingerprint } from '../src/domain/placement.js'
import { DeployFallback } from './deploy-fallback.js'
import { deployed, planned, unchanged } from './deploy-result.js'
import { admit, detect, handOver, learn, pin, plan, planOnly, proveAgain, type Current, type Deploy } from './deploy-steps.js'
import type { Ready } from './fallback-try.js'
import { parseInput } from './input.js'
import { recorded, type Ending } from './record.js'
import { withUndo } from './saga.js'
import { startingOver } from './starting-over.js'
import { Steps } from './steps.js'
import { show } from './visibility.js'

/** Puts a model into service under a name and hands it to the endpoint's own workflow. A failure on the way undoes every step. */
export async function deployModel(input: unknown): Promise<DeployResult> {
  const request = parseInput(DeployRequest, input)
  const steps = new Steps(DEPLOY_STEPS)
  show({ AimEndpoint: request.endpoint, AimModel: request.model, AimState: 'deploying' })
  const result = await startingOver(request, (took) =>
    recorded((attempts) => withUndo((undo) => deploy({ request, steps, undo, took, attempts }))),
  )
  show({ AimState: result.outcome })
  return result
}

async function deploy(flow: Deploy): Promise<Ending<DeployResult>> {
  const { actor, lock, replica } = await admit(flow)
  if (lock?.outcome === 'joined') return joined(lock.result as DeployResult)

  const named = await pin(flow)
  if (lock === null) return planned(flow, await planOnly(flow, named, await detect(flow), replica))

  const { current } = lock
  const fallback = new DeployFallback(flow)
  for (;;) {
    const nodes = await detect(flow, fallback.avoid())
    const choice = await fallback.choose(() => plan(flow, named, nodes, flow.request.repair?.gone === true ? null : replica))
    const { best, model } = choice
    if (current !== null && isServed(current, specFingerprint(best, model.commit), flow.request)) {
      return unchanged(flow, choice, current, await proveAgain(flow, current.replica))
    }
    const ready = await fallback.walk(lock, named, choice, nodes)
    if (ready === null) continue

    await learn(ready, nodes)
    const revision = numberOf(flow, ready, lock.revision, current)
    const given = { deployedAt: new Date().toISOString(), deployedBy: actor, request: flow.request }
    await handOver(flow, ready.replica, { revision, ...specOf(ready), ...given })
    return deployed(flow, choice, ready, revision)
  }
}

function isServed({ serving, revision, replica }: Current, spec: string, { port, repair }: DeployRequest): boolean {
  return repair === undefined && serving && revision.specFingerprint === spec && (port === undefined || port === replica.spec.port)
}

const specOf = ({ candidate, model }: Ready) => ({
  model: model.repo,
  commit: model.commit,
  recipe: candidate.recipe,
  specFingerprint: specFingerprint(candidate, model.commit),
})

/** A repair that brings the same recipe back, elsewhere, is no new revision. */
function numberOf({ request }: Deploy, { candidate, model }: Ready, next: number, current: Current | null): number {
  const { revision } = current ?? {}
  const same = revision !== undefined && revision.recipe === candidate.recipe && revision.commit === model.commit
  return request.repair !== undefined && same ? revision.revision : next
}

function joined(result: DeployResult): Ending<DeployResult> {
  return { state: 'deployed', revision: result.revision, result }
}
