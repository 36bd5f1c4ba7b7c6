import { z } from 'zod'

/** The user's price table: `currency: USD`, and under `perGpuHour` the price of one GPU for one hour by card. */
export const PricesFile = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/, 'must be a code like USD'),
  perGpuHour: z.record(z.string().min(1), z.number().positive('must be above 0')),
})
