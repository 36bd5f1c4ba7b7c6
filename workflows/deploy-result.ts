import type { DeployResult } from '../src/contracts/endpoint.js'
import type { Weights } from '../src/contracts/model.js'
import type { Candidate, Fallback } from '../src/domain/plan.js'
import type { Choice, Planned } from './deploy-plan.js'
import type { Current, Deploy } from './deploy-steps.js'
import type { Proof } from './engine-attempt.js'
import type { Ready } from './fallback-try.js'
import type { Ending } from './record.js'

type Ended = Ending<DeployResult>

type Given = Pick<Planned, 'plan' | 'best'> & { model: { repo: string; commit: string } }

/** What every end of a deploy tells: what was asked for and what was chosen. */
function chosen({ request, steps, attempts }: Deploy, { plan, best, model }: Given) {
  const { recipe = null, backend = null, node = null, gpus = [] } = best ?? {}
  const { endpoint } = request
  return {
    endpoint,
    served: endpoint,
    model: { repo: model.repo, commit: model.commit },
    recipe,
    backend,
    node,
    gpus,
    gaveUp: gaveUpOf(best),
    attempts: attempts.length,
    simulated: best?.simulated === true,
    plan,
    timings: steps.timings(),
  }
}

export function planned(flow: Deploy, choice: Planned): Ended {
  flow.steps.skip('warm', 'launch', 'ready', 'hand over')
  const result = {
    ...chosen(flow, choice),
    outcome: 'planned',
    revision: null,
    url: null,
    cache: null,
    weights: null,
    proof: null,
  } as const
  return { state: 'planned', revision: null, result }
}

export function unchanged(flow: Deploy, choice: Choice, current: Current, proof: Proof): Ended {
  const { revision } = current.revision
  const result = {
    ...chosen(flow, choice),
    outcome: 'unchanged',
    revision,
    url: current.replica.url,
    cache: 'hit',
    weights: null,
    proof,
  } as const
  return { state: 'unchanged', revision, result }
}

export function deployed(flow: Deploy, { plan }: Choice, ready: Ready, revision: number): Ended {
  const { candidate: best, model, replica, proof, gaveUp } = ready
  const { cache, ...weights } = broughtOf(ready.weights)
  const given = { ...chosen(flow, { plan, best, model }), gaveUp }
  const result = { ...given, outcome: 'deployed', revision, url: replica.url, cache, weights, proof } as const
  return { state: 'deployed', revision, result }
}

const broughtOf = ({ cache, bytes, fetchedBytes, sources }: Weights) => ({ cache, bytes, fetchedBytes, sources })
const gaveUpOf = (best: Candidate | Fallback | null): string | null => (best !== null && 'givesUp' in best ? best.givesUp : null)
