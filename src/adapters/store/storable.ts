/** NUL, and halves of surrogate pairs: what PostgreSQL takes in neither text nor jsonb, and what logs of engines hold now and then. */
// oxlint-disable-next-line no-control-regex -- a control character is what is looked for
const REFUSED = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** The value with every character that cannot be stored replaced by U+FFFD, in keys too. Plain data in, equal plain data out. */
export function storable<T>(value: T): T {
  return clean(value) as T
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(REFUSED, '\ufffd')
  if (Array.isArray(value)) return value.map(clean)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [clean(key), clean(part)]))
}
