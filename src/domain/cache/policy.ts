/** What a cache may hold; absent: no such limit. Shares are 0 to 1, of the volume that the cache is on. */
export type CachePolicy = {
  maxBytes?: number | undefined
  freeLow?: number | undefined
  freeHigh?: number | undefined
  maxIdleDays?: number | undefined
  keepRevisions?: number | undefined
  order: 'lru' | 'lfu'
}
