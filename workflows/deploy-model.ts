import { DEPLOY_STEPS, DeployRequest } from '../src/contracts/deploy.js'
import type { DeployResult } from '../src/contracts/endpoint.js'
import { specFingerprint } from '../src/domain/placement.js'
import { waiting } from './activities.js'
import { deployed, planned, unchanged } from './deploy-result.js'
import {
  admit,
  detect,
  handOver,
  launch,
  learn,
  pin,
  plan,
  planOnly,
  prove,
  proveAgain,
  warm,
  type Current,
  type Deploy,
} from './deploy-steps.js'
import { parseInput } from './input.js'
import { recorded, type Ending } from './record.js'
import { withUndo } from './saga.js'
import { Steps } from './steps.js'
import { show } from './visibility.js'

/** Puts a model into service under a name and hands it to the endpoint's own workflow. A failure on the way undoes every step. */
export async function deployModel(input: unknown): Promise<DeployResult> {
  const request = parseInput(DeployRequest, input)
  const steps = new Steps(DEPLOY_STEPS)
  show({ AimEndpoint: request.endpoint, AimModel: request.model, AimState: 'deploying' })
  const result = await recorded((attempts) => withUndo((undo) => deploy({ request, steps, undo, attempts })))
  show({ AimState: result.outcome })
  return result
}

async function deploy(flow: Deploy): Promise<Ending<DeployResult>> {
  const { actor, lock, replica } = await admit(flow)
  if (lock?.outcome === 'attach') return joined((await waiting.awaitResult({ run: lock.holder })) as DeployResult)

  const named = await pin(flow)
  const nodes = await detect(flow)
  if (lock === null) return planned(flow, await planOnly(flow, named, nodes, replica))

  const choice = await plan(flow, named, nodes, replica)
  const { model, best } = choice
  const spec = specFingerprint(best, model.commit)
  const { current } = lock
  if (current !== null && isServed(current, spec, flow.request)) {
    return unchanged(flow, choice, current, await proveAgain(flow, current.replica))
  }

  const weights = await warm(flow, choice, nodes)
  const attempt = await launch(flow, lock, best, weights)
  const ready = await prove(flow, attempt)
  await learn(best, nodes, ready)
  const revision = { revision: lock.revision, model: model.repo, commit: model.commit, recipe: best.recipe, specFingerprint: spec }
  const given = { deployedAt: new Date().toISOString(), deployedBy: actor, request: flow.request }
  await handOver(flow, ready.replica, { ...revision, ...given })
  return deployed(flow, choice, { ...ready, revision: lock.revision, weights })
}

function isServed({ serving, revision, replica }: Current, spec: string, { port }: DeployRequest): boolean {
  return serving && revision.specFingerprint === spec && (port === undefined || port === replica.spec.port)
}

function joined(result: DeployResult): Ending<DeployResult> {
  return { state: 'deployed', revision: result.revision, result }
}
