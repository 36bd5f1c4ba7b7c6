/**
 * The name that was probably meant: the one with the same words in another order or spelling, or else the one with the fewest letters to
 * change, at most a third of them. Null: nothing is near. Of equally near ones the first.
 */
export function nearest(wrong: string, names: readonly string[]): string | null {
  const plain = normal(wrong)
  const words = inOrder(plain)
  let best: string | null = null
  // Changes that the next one may have: fewer than the best, and none is fewer than the same words.
  let most = Math.floor(plain.length / 3)
  for (const name of names) {
    if (most < 0) break
    const other = normal(name)
    if (Math.abs(other.length - plain.length) > most) continue
    const changes = other.length === plain.length && inOrder(other) === words ? 0 : editDistance(plain, other, most)
    if (changes > most) continue
    best = name
    most = changes - 1
  }
  return best
}

function normal(name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

function inOrder(plain: string): string {
  return plain.split('-').toSorted().join('-')
}

/** Letters to insert, remove or replace (Levenshtein). Beyond `most` it is not counted to the end. */
function editDistance(a: string, b: string, most: number): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    let least = i
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const changes = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1)
      next.push(changes)
      least = Math.min(least, changes)
    }
    if (least > most) return least
    row = next
  }
  return row[b.length] ?? 0
}
