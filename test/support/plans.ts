import type { Candidate, Plan } from '../../src/domain/plan.js'

/** A candidate on the processor, as a small model gets it; what a test is about goes into `change`. */
export function aCandidate(change: Partial<Candidate> = {}): Candidate {
  return {
    recipe: 'any/llamacpp-cpu',
    origin: 'generic',
    model: 'org/smol',
    precision: null,
    backend: 'llamacpp',
    version: null,
    node: 'node-1',
    gpus: [],
    card: null,
    linked: null,
    parallel: { tensor: 1, pipeline: 1, data: 1, expert: false },
    settings: {},
    format: 'gguf',
    modelFile: 'model.gguf',
    weightBytes: 92_400_000,
    cached: false,
    contextFrom: null,
    args: {},
    env: {},
    fit: null,
    prediction: null,
    cost: null,
    score: { total: 100, parts: {} },
    why: 'the only one',
    changes: [],
    ...change,
  }
}

export function aPlan(change: Partial<Plan> = {}): Plan {
  return { requirements: { objective: 'balanced', remoteCode: [] }, assumed: [], candidates: [], fallback: [], dropped: [], ...change }
}
