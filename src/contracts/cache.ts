import { z } from 'zod'
import type { CachePolicy as Policy } from '../domain/cache/policy.js'
import { Commit } from './names.js'

const Bytes = z.int().min(0)
const Share = z.number().min(0).max(1)

/** A repository as `aim cache ls` names it: a model `org/name` (some old ones have no `org/`), all else with its type: `datasets/org/name`. */
export const CachedName = z
  .string()
  .max(128, 'must be at most 128 characters')
  .regex(
    /^(?:(?:datasets|spaces|kernels)\/)?[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/,
    'must be a repository: org/name, or datasets/org/name',
  )
  .refine((name) => !name.includes('..') && !name.includes('--'), 'must not contain `..` or `--`')

/**
 * What a cache may hold. Absent: no such limit. What an endpoint uses, a rollback needs, a pin names or a download brings is never
 * evicted, whatever the policy says.
 */
export const CachePolicy = z
  .strictObject({
    /** Most bytes in the cache. */
    maxBytes: Bytes.optional(),
    /** Evict when less than this share of the volume is free, until `freeHigh` is. */
    freeLow: Share.optional(),
    freeHigh: Share.optional(),
    /** Evict what nobody asked for in so many days. */
    maxIdleDays: z.number().positive().optional(),
    /** Keep so many revisions of each repository, the newest used first. */
    keepRevisions: z.int().min(1).optional(),
    /** Who goes first: the least recently or the least frequently used. */
    order: z.enum(['lru', 'lfu']).default('lru'),
  })
  .refine(({ freeLow, freeHigh }) => freeHigh === undefined || (freeLow !== undefined && freeLow <= freeHigh), {
    path: ['freeHigh'],
    message: 'must not be below freeLow, and needs it',
  }) satisfies z.ZodType<Policy>

/** `only`: exactly these removals, by the ids that a dry run listed; what may not go any more stays, and is named. */
export const PruneRequest = z.strictObject({
  policy: CachePolicy,
  dryRun: z.boolean().default(false),
  only: z.array(z.string()).optional(),
})
export type PruneRequest = z.infer<typeof PruneRequest>

/** Re-hashes files: of one repository, of one revision of it, or all; `sample`: only so many bytes, those whose last proof is oldest first. `repair`: fetch what is wrong again. */
export const VerifyRequest = z
  .strictObject({
    repo: CachedName.optional(),
    commit: Commit.optional(),
    sampleBytes: Bytes.optional(),
    repair: z.boolean().default(false),
  })
  .refine(({ repo, commit }) => commit === undefined || repo !== undefined, { path: ['commit'], message: 'needs repo' })
export type VerifyRequest = z.infer<typeof VerifyRequest>

/** Progress of a verification, in bytes. */
export type VerifyProgress = { file: string; doneBytes: number; totalBytes: number }
