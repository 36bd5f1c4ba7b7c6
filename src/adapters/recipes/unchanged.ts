import { stat } from 'node:fs/promises'

/** Reads a file only when it has changed since the last time: by inode, size and times, so that an edit is seen at once. */
export function readIfChanged<T>(read: (file: string) => Promise<T>): (file: string) => Promise<T> {
  const kept = new Map<string, { stamp: string; content: Promise<T> }>()
  return async (file) => {
    const stamp = await stampOf(file)
    const last = kept.get(file)
    if (stamp !== null && last?.stamp === stamp) return last.content
    const content = read(file)
    if (stamp !== null) kept.set(file, { stamp, content })
    // What could not be read is tried again.
    content.catch(() => kept.delete(file))
    return content
  }
}

/** Null: there is no such file, which whoever reads it will tell. */
async function stampOf(file: string): Promise<string | null> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch {
    return null
  }
}

/** Makes again only when a part is another one than the last time; parts are compared by identity. */
export function makeIfChanged<Input, T>(make: (input: Input) => T, partsOf: (input: Input) => readonly unknown[]): (input: Input) => T {
  let last: { parts: readonly unknown[]; made: T } | null = null
  return (input) => {
    const parts = partsOf(input)
    const isSame = last?.parts.length === parts.length && last.parts.every((part, index) => part === parts[index])
    if (last === null || !isSame) last = { parts, made: make(input) }
    return last.made
  }
}
