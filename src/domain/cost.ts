import type { Cost } from './plan.js'
import type { Prices } from './requirements.js'

const SECONDS_PER_HOUR = 3600

/** Names of the price table that no card of the hardware table has: a slip of the pen, which would leave a card without its price. */
export function unknownPrices(prices: Prices | null, cards: readonly string[]): string[] {
  return Object.keys(prices?.perGpuHour ?? {})
    .filter((name) => !cards.includes(name))
    .toSorted()
}

/**
 * What `gpus` GPUs of a card cost, and a million output tokens at `outputTokensPerSecond` of all requests together (null: not known).
 * Null when there is no price of the card.
 */
export function costOf(prices: Prices | null, card: string, gpus: number, outputTokensPerSecond: number | null): Cost | null {
  const each = prices?.perGpuHour[card]
  if (prices === null || each === undefined) return null
  const perHour = each * gpus
  const tokensPerHour = (outputTokensPerSecond ?? 0) * SECONDS_PER_HOUR
  return { currency: prices.currency, perHour, perMillionTokens: tokensPerHour > 0 ? (perHour / tokensPerHour) * 1e6 : null }
}
