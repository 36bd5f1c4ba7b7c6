/** How many names are offered. */
const OFFERED = 3

/**
 * The names that come nearest to one that nobody knows, the nearest first: by the share of its pairs of letters that they have too, then the
 * shortest. A name may be long and the wrong one only its end, so letters to change say little. Some are offered however far they are.
 */
export function nearNames(wrong: string, names: readonly string[]): string[] {
  const pairs = pairsOf(wrong)
  return [...new Set(names)]
    .map((name) => ({ name, missing: missingFrom(pairsOf(name), pairs) }))
    .toSorted((a, b) => a.missing - b.missing || a.name.length - b.name.length || (a.name < b.name ? -1 : 1))
    .slice(0, OFFERED)
    .map(({ name }) => name)
}

function pairsOf(name: string): Set<string> {
  const text = name.toLowerCase()
  return new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2)))
}

function missingFrom(known: Set<string>, pairs: Set<string>): number {
  let missing = 0
  for (const pair of pairs) if (!known.has(pair)) missing += 1
  return missing
}
