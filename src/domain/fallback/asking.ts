import { PRECISIONS, type Precision } from '../hardware.js'
import type { Candidate, Fallback } from '../plan.js'

/** What a person is asked before it is done: the precision drops, or the hardware is another. In words; empty: nothing to ask. */
export function changesToAsk(first: Candidate | null, candidate: Candidate | Fallback): string[] {
  // Nothing meets the request: then the request is what it is compared with.
  if (first === null) {
    return 'givesUp' in candidate && candidate.changes.some((change) => change === 'precision' || change === 'hardware')
      ? [candidate.givesUp]
      : []
  }
  const changes: string[] = []
  if (isLower(candidate.precision, first.precision)) changes.push(`precision ${candidate.precision} instead of ${first.precision}`)
  if (candidate.card !== first.card) changes.push(`${hardware(candidate)} instead of ${hardware(first)}`)
  return changes
}

function isLower(precision: Precision | null, than: Precision | null): boolean {
  return precision !== null && than !== null && PRECISIONS.indexOf(precision) > PRECISIONS.indexOf(than)
}

const hardware = ({ card }: Candidate): string => card ?? 'processor'
