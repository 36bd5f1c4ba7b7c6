/**
 * The name that was probably meant: the one with the same words in another order or spelling, or else the one with the fewest letters to
 * change, at most a third of them. Null: nothing is near. Of equally near ones the first.
 */
export function nearest(wrong: string, names: readonly string[]): string | null {
  const plain = normal(wrong)
  const limit = Math.floor(plain.length / 3)
  let best: { name: string; changes: number } | null = null
  for (const name of names) {
    const changes = sameWords(plain, name) ? 0 : editDistance(plain, normal(name))
    if (changes <= limit && (best === null || changes < best.changes)) best = { name, changes }
  }
  return best?.name ?? null
}

function normal(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

function sameWords(plain: string, name: string): boolean {
  return plain.split('-').toSorted().join('-') === normal(name).split('-').toSorted().join('-')
}

/** Letters to insert, remove or replace (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
