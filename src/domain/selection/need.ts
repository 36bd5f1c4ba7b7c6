import { unknownPrices } from '../cost.js'
import type { Candidate } from '../plan.js'
import type { Workload } from '../prediction/roofline.js'
import type { Recipe } from '../recipe.js'
import type { Requirements } from '../requirements.js'
import type { PlanInput } from './plan-input.js'
import { compare, oneOf } from './text.js'
import { MEMORY_FACTOR } from './weights.js'

/** Context that is given at most where nobody says one: longer ones cost tables of every running request, and few need them. */
export const LONGEST_CONTEXT = 131_072
/** Context that must fit where nobody says one, unless the model was trained for less. */
const USUAL_CONTEXT = 8_192
/** Requests at the same time that speed is predicted for: one person waits for latency, a service has several, throughput is that of a full engine. */
const USUAL_CONCURRENCY = { latency: 1, balanced: 16, throughput: 256, cost: 256 } as const
/** Tokens of a prompt that speed is predicted for where no context was asked for. */
const USUAL_PROMPT = 1_024

/** Context that must fit, tokens: what was asked for, else the recipe's, else a usual one. */
export function neededContext(recipe: Recipe, { context }: Requirements, maxContext: number): number {
  return context ?? recipe.context ?? Math.min(maxContext, USUAL_CONTEXT)
}

/** What speed is compared for. A context that was asked for is half full on average. */
export function workloadOf({ objective, concurrency, context }: Requirements): Workload {
  return {
    concurrency: concurrency ?? USUAL_CONCURRENCY[objective],
    promptTokens: Math.max(1, context === undefined ? USUAL_PROMPT : Math.floor(context / 2)),
  }
}

/** What nobody said and the plan takes for granted, in words. `cards` are those of the nodes, `first` is the first choice. */
export function assumptions({ model, requirements, prices, hardware }: PlanInput, cards: string[], first: Candidate | null): string[] {
  const { context, concurrency, precisions, objective } = requirements
  const { shape, repo, unknown, variants } = model
  const work = workloadOf(requirements)
  const most = shape?.maxContext ?? USUAL_CONTEXT
  const given = Math.min(shape?.maxContext ?? LONGEST_CONTEXT, LONGEST_CONTEXT)
  const crowd = work.concurrency > 1 ? ', or as many of such prompts as memory holds' : ''
  const unknownCards = unknownPrices(
    prices,
    hardware.map(({ name }) => name),
  )
  const unpriced = prices === null ? [] : cards.filter((card) => prices.perGpuHour[card] === undefined).toSorted(compare)
  const own = variants.find((variant) => variant.repo === repo)
  const lines: [holds: boolean, line: string][] = [
    [
      shape === null,
      `the shape of ${repo} is not known (${unknown ?? 'nobody read it'}): memory is estimated as weights x ${MEMORY_FACTOR}`,
    ],
    [
      context === undefined,
      `context: ${Math.min(most, USUAL_CONTEXT)} tokens must fit where the recipe says nothing, and as many are given as fit, up to ${given}`,
    ],
    [first?.contextFrom === 'recipe', `context: what the recipe says, where it says one (${first?.context} for the first choice)`],
    [
      concurrency === undefined,
      `concurrency: speed is compared for ${work.concurrency} request(s) at the same time${crowd}; memory must hold one of the context`,
    ],
    [context === undefined, `speed is compared for prompts of ${USUAL_PROMPT} tokens`],
    [precisions === undefined && own !== undefined, `precision: ${own?.precision}, as ${repo} holds it; others are fallbacks`],
    [own?.gated === true, `${repo} is gated: the hub must know that its licence was accepted`],
    [objective === 'cost' && prices === null, 'there is no price table: cost is compared by tokens per second of one GPU'],
    [unknownCards.length > 0, `the price table names cards that nobody knows: ${unknownCards.join(', ')}`],
    [objective === 'cost' && unpriced.length > 0, `the price table has no ${oneOf(unpriced)}: it comes behind all that has a price`],
  ]
  return lines.filter(([holds]) => holds).map(([, line]) => line)
}
