/** What a cache may hold; absent: no such limit. Shares are 0 to 1, of the volume that the cache is on. */
export type CachePolicy = {
  maxBytes?: number | undefined
  freeLow?: number | undefined
  freeHigh?: number | undefined
  maxIdleDays?: number | undefined
  keepRevisions?: number | undefined
  order: 'lru' | 'lfu'
}

/** `10%`, or `10%-20%`: when less is free than the first, evict until the second is. Null for anything else. */
export function parseFree(text: string): { freeLow: number; freeHigh: number } | null {
  const [, low, high = low] = /^(\d{1,2}(?:\.\d+)?)%(?:-(\d{1,2}(?:\.\d+)?)%)?$/.exec(text) ?? []
  if (low === undefined || Number(high) < Number(low)) return null
  return { freeLow: Number(low) / 100, freeHigh: Number(high) / 100 }
}

/** Whether a policy names anything that has to go. */
export function isEmptyPolicy({ maxBytes, freeLow, maxIdleDays, keepRevisions }: CachePolicy): boolean {
  return [maxBytes, freeLow, maxIdleDays, keepRevisions].every((limit) => limit === undefined)
}
