import { z } from 'zod'

/** How far a flow may go when a candidate fails: not at all, over all that meets the request, or also over what gives something up. */
export const FALLBACK_MODES = ['none', 'meets', 'any'] as const
export type FallbackMode = (typeof FALLBACK_MODES)[number]

/** How many tries, and for how long, before it ends with the reasons. */
const Budget = z.strictObject({
  attempts: z.int().min(1, 'must be 1 or higher').max(50, 'must be 50 or lower').default(6),
  minutes: z.number().positive('must be above 0').max(1_440, 'must be 1440 or lower').default(120),
})

/** Whether a person is asked before the precision drops or the hardware changes, and how long the answer may take. No answer is a no. */
export const Approval = z.strictObject({
  required: z.boolean().default(false),
  minutes: z.number().positive('must be above 0').max(10_080, 'must be 10080 or lower').default(60),
})
export type Approval = z.infer<typeof Approval>

export const FallbackPolicy = z.strictObject({
  mode: z.enum(FALLBACK_MODES).default('meets'),
  budget: Budget.prefault({}),
  approval: Approval.prefault({}),
})
export type FallbackPolicy = z.infer<typeof FallbackPolicy>
