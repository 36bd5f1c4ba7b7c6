import type { ApplicationFailure } from '@temporalio/workflow'
import { passes } from '../src/contracts/errors.js'
import type { Failed } from '../src/contracts/fallback.js'
import type { Tried } from '../src/domain/fallback/next-move.js'
import { fingerprint } from '../src/domain/fingerprint.js'
import { failure } from './input.js'

type Walked = { endpoint: string; tried: readonly Tried[]; last: Failed | null }

/**
 * What a walk that started nothing fails with. One candidate that failed in one way ends with its own failure, as do failures that all pass by
 * themselves: whoever asked may ask again. All else ends with all reasons; `why` nothing more is tried comes last.
 */
export function endOf({ endpoint, tried, last }: Walked, why: string): ApplicationFailure {
  const ways = new Set(tried.map(({ candidate, failure: one }) => fingerprint({ candidate, one })))
  if (last !== null && (ways.size === 1 || tried.every(isPassing))) {
    return failure(last.type, last.message, last.details)
  }
  const words = tried.map(({ candidate, failure: one }) => `${candidate.recipe} on ${candidate.node} (${one})`)
  const list = [...words, why].join('; ')
  return failure('FallbackExhausted', `nothing that was tried starts ${endpoint}: ${list}`, { endpoint, tried: list })
}

/** A fault of ours may pass and may not: where several were met, all are told. */
const isPassing = ({ failure: one }: Tried): boolean => passes(one) && one !== 'Internal'
