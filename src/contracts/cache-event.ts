import { z } from 'zod'
import type { CacheEvent } from '../domain/cache/event.js'

const At = z.iso.datetime()
const Digests = z.array(z.string())
const Pin = { at: At, repo: z.string(), commit: z.string().nullable(), actor: z.string(), reason: z.string().nullable() }

/** One line of a cache's ledger. Fields that a later version adds are let pass. */
export const CacheEventLine = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('fetched'),
    at: At,
    repo: z.string(),
    commit: z.string(),
    files: z.array(z.object({ path: z.string(), digest: z.string(), bytes: z.number(), source: z.string() })),
    sources: z.record(z.string(), z.number()).optional(),
    ms: z.number(),
  }),
  z.object({ kind: z.literal('failed'), at: At, repo: z.string(), commit: z.string(), code: z.string() }),
  z.object({
    kind: z.literal('asked'),
    at: At,
    repo: z.string(),
    commit: z.string(),
    endpoint: z.string().nullable(),
    outcome: z.enum(['hit', 'miss', 'followed']),
    bytes: z.number(),
    fetchedBytes: z.number(),
    ms: z.number(),
  }),
  z.object({ kind: z.literal('served'), at: At, endpoint: z.string(), repo: z.string(), commit: z.string() }),
  z.object({ kind: z.literal('released'), at: At, endpoint: z.string() }),
  z.object({ kind: z.literal('verified'), at: At, repo: z.string(), good: Digests, bad: Digests }),
  z.object({
    kind: z.literal('evicted'),
    at: At,
    repo: z.string(),
    commit: z.string().nullable(),
    bytes: z.number(),
    digests: Digests,
    reason: z.string(),
  }),
  z.object({ kind: z.literal('pinned'), ...Pin }),
  z.object({ kind: z.literal('unpinned'), ...Pin }),
]) satisfies z.ZodType<CacheEvent>
