import type { PruneSummary, VerifySummary } from '../../src/contracts/cache-flows.js'
import type { PruneReport } from '../../src/domain/cache/prune.js'
import type { VerifyReport } from '../../src/domain/cache/verify.js'

/** What is named; the rest is counted. */
const MOST_NAMED = 20

export function pruneSummary({ removed, freedBytes, shortBytes, bytes }: PruneReport): PruneSummary {
  const largest = removed.toSorted((a, b) => b.bytes - a.bytes).slice(0, MOST_NAMED)
  return {
    freedBytes,
    shortBytes,
    bytes,
    removed: removed.length,
    largest: largest.map(({ repo, commit, bytes, why }) => ({ repo, commit, bytes, why })),
  }
}

export function verifySummary({ checkedFiles, checkedBytes, skipped, bad }: VerifyReport): VerifySummary {
  return {
    checkedFiles,
    checkedBytes,
    skipped: skipped.length,
    bad: bad.length,
    repaired: bad.filter(({ state }) => state === 'repaired').length,
    first: bad.slice(0, MOST_NAMED).map(({ repo, path, digest, actual, state, why }) => ({ repo, path, digest, actual, state, why })),
  }
}
