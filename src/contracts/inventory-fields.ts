import { z } from 'zod'

/** Not `z.int`: a file system may be larger than 2^53 bytes. */
export const Bytes = z
  .number()
  .min(0, 'must not be negative')
  .max(2 ** 60, 'is more than any machine has')
  .refine(Number.isInteger, 'must be a whole number of bytes')

export const Whole = z
  .int()
  .min(0)
  .max(2 ** 31)

/** Measured, and never negative. */
export const Amount = z.number().min(0, 'must not be negative')

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g

export const Text = z
  .string()
  .max(1000)
  .refine((text) => text.search(CONTROL) < 0, 'must not contain control characters')

/** What other programs call themselves, or say: only shown to people, so it is made harmless instead of refused. */
export const Said = z.string().transform((text) => text.replaceAll(CONTROL, ' '))

/** One of the words that a tool has for something. */
export function word(known: readonly string[]): z.ZodType<string> {
  return z.string().refine((text) => known.includes(text), `must be ${known.join(', ')} or null`)
}
