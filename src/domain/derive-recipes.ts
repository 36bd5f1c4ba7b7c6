import { DERIVED_BACKENDS, type Case, type DerivedBackend, type DerivedObjective } from './derive/case.js'
import { parallelRule } from './derive/parallel-rule.js'
import { rulesFor } from './derive/rules.js'
import { canCompute, type Card } from './hardware.js'
import type { ModelFacts, ModelShape, ModelVariant } from './model.js'
import type { Recipe } from './recipe.js'

const COUNTS = [1, 2, 4, 8]
const BACKENDS = ['vllm', 'sglang'] as const satisfies readonly DerivedBackend[]
const OBJECTIVES = ['latency', 'throughput'] as const satisfies readonly DerivedObjective[]

/** Ids of derived recipes begin with it; a file of that id replaces the derived one. */
export const DERIVED = 'derived/'

/**
 * A recipe for each combination of precision, card, number of GPUs, backend and objective that the model can be spread over, by the one rule of
 * docs/decisions/0007-derived-recipes.md. Whether it fits into memory is not decided here. The same model gives the same list, in the same
 * order; a model of unknown shape gives none.
 */
export function deriveRecipes(model: ModelFacts, hardware: readonly Card[]): Recipe[] {
  const { shape } = model
  if (shape === null) return []
  return model.variants.flatMap((variant) =>
    hardware
      .filter((card) => canCompute(card, variant.precision) && (variant.cards === null || variant.cards.includes(card.name)))
      .flatMap((card) => BACKENDS.flatMap((backend) => onCard(model, shape, variant, card, backend))),
  )
}

/** What may serve a model: written for one of its repositories, written for any, and derived where no file has the same id. */
export function recipesFor(model: ModelFacts, authored: readonly Recipe[], hardware: readonly Card[]): Recipe[] {
  const repos = new Set([model.repo, ...model.variants.map(({ repo }) => repo)].map((repo) => repo.toLowerCase()))
  const written = new Set(authored.map(({ id }) => id))
  return [
    ...authored.filter(({ model: name }) => name === '*' || repos.has(name.toLowerCase())),
    ...deriveRecipes(model, hardware).filter(({ id }) => !written.has(id)),
  ]
}

function onCard(model: ModelFacts, shape: ModelShape, variant: ModelVariant, card: Card, backend: DerivedBackend): Recipe[] {
  return COUNTS.flatMap((count) =>
    OBJECTIVES.flatMap((objective) => {
      const parallel = parallelRule({ shape, variant, card, count, backend, objective })
      return parallel === null ? [] : [recipeOf(model, count, { shape, variant, card, backend, objective, parallel })]
    }),
  )
}

function recipeOf({ parsers, remoteCode }: ModelFacts, count: number, of: Case): Recipe {
  const { variant, card, backend, objective, parallel } = of
  const rules = rulesFor(of)
  const { tools = null, reasoning = null } = parsers[backend] ?? {}
  const kind = card.name.toLowerCase().replaceAll(' ', '-')
  return {
    id: `${DERIVED}${variant.repo}/${kind}-${count}-${variant.precision}-${backend}-${objective}`,
    origin: 'derived',
    model: variant.repo,
    precision: variant.precision,
    backend,
    version: DERIVED_BACKENDS[backend],
    format: 'safetensors',
    hardware: { kind: 'gpu', count, cards: [card.name] },
    parallel,
    objective,
    settings: {
      ...Object.assign({}, ...rules.map(({ settings }) => settings)),
      ...(tools !== null && { toolParser: tools }),
      ...(reasoning !== null && { reasoningParser: reasoning }),
      ...(remoteCode && { trustRemoteCode: true }),
    },
    args: Object.assign({}, ...rules.map(({ args }) => args)),
    env: Object.assign({}, ...rules.map(({ env }) => env)),
    benchmarks: [],
    source: `derived by docs/decisions/0007-derived-recipes.md from ${[...new Set(rules.map(({ source }) => source))].join('; ')}`,
  }
}
