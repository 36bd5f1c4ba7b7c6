/** Answers each question once, for as long as somebody holds what is returned: a plan keeps nothing beyond itself. */
export function keeping<Key, Value>(find: (key: Key) => Value): (key: Key) => Value {
  const known = new Map<Key, Value>()
  return (key) => {
    const found = known.get(key)
    if (found !== undefined) return found
    const value = find(key)
    known.set(key, value)
    return value
  }
}
