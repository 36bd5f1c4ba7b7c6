import { costOf } from '../cost.js'
import { canCompute, computedFormats } from '../hardware.js'
import type { Recipe } from '../recipe.js'
import type { Prices, Requirements } from '../requirements.js'
import type { Kind } from './inventory.js'
import { oneOf } from './text.js'
import type { Weights } from './weights.js'

/** A recipe with its weights on so many GPUs of one kind. */
export type KindCase = { recipe: Recipe; weights: Weights; kind: Kind; count: number; requirements: Requirements; prices: Prices | null }

type Rule = (of: KindCase) => string | null

/** Rules about a recipe on one kind of GPU, before its memory is looked at. */
const KIND_RULES: readonly Rule[] = [madeForOthers, cannotCompute, cutCard, price]

/** Why a recipe cannot or may not run on such GPUs, with value and limit; null: it can. */
export function kindObjection(of: KindCase): string | null {
  for (const rule of KIND_RULES) {
    const reason = rule(of)
    if (reason !== null) return reason
  }
  return null
}

function madeForOthers({ weights: { repo, variant }, kind }: KindCase): string | null {
  const cards = variant?.cards ?? null
  return cards === null || cards.includes(kind.card) ? null : `the weights of ${repo} are made for ${oneOf(cards)}, not ${kind.card}`
}

function cannotCompute({ recipe, weights, kind }: KindCase): string | null {
  const own = recipe.precision ?? weights.variant?.precision
  const formats = [...(own === undefined ? [] : [own]), ...computedFormats(recipe.settings)]
  const lacking = formats.find((format) => !canCompute(kind.facts, format))
  return lacking === undefined ? null : `${kind.card} (${kind.facts.arch}) has no matrix cores for ${lacking}`
}

/** Parts of one card share its memory bandwidth: cutting a model over them costs all-reduces and gains nothing over the whole card. */
function cutCard({ recipe, kind }: KindCase): string | null {
  const { tensor } = recipe.parallel
  if (kind.mode === null || tensor === 1) return null
  return `tensor parallel ${tensor} is not laid over partitions of ${kind.card} (${kind.mode}): set its compute partition to SPX`
}

function price({ kind, count, requirements: { maxPricePerHour }, prices }: KindCase): string | null {
  if (maxPricePerHour === undefined) return null
  const cost = costOf(prices, kind.card, count, null)
  if (cost === null) return `at most ${maxPricePerHour} an hour was asked for, and the price table has no ${kind.card}`
  if (cost.perHour <= maxPricePerHour) return null
  return `costs ${cost.perHour} ${cost.currency} an hour, at most ${maxPricePerHour} was asked for`
}
