import { z } from 'zod'
import type { Card } from '../domain/hardware.js'

const Figure = z.strictObject({ value: z.number().positive(), source: z.string().min(1) })
const CardRow = z.strictObject({
  name: z.string().min(1),
  arch: z.string().regex(/^gfx[0-9a-f]+$/, 'must be like gfx942'),
  deviceIds: z.array(z.int().min(1).max(0xffff)),
  vramGiB: Figure,
  bandwidthTBs: Figure.optional(),
  bf16Tflops: Figure.optional(),
  fp8Tflops: Figure.optional(),
  int8Tops: Figure.optional(),
  mxfp4Tflops: Figure.optional(),
  linkGBs: Figure.optional(),
  watts: Figure.optional(),
  fp8: z.strictObject({ value: z.enum(['fnuz', 'ocp']).nullable(), source: z.string().min(1) }),
  mxfp4: z.strictObject({ value: z.boolean(), source: z.string().min(1) }),
})

/** `recipes/hardware.yaml`: every figure names its source, a key of `sources`; a figure without one stays out. Rates are dense peaks. */
export const HardwareFile = z
  .strictObject({ sources: z.record(z.string(), z.string().min(1)), cards: z.array(CardRow).min(1) })
  .superRefine(({ sources, cards }, context) => {
    for (const [index, card] of cards.entries()) {
      for (const [field, figure] of Object.entries(card)) {
        if (typeof figure !== 'object' || Array.isArray(figure) || figure.source in sources) continue
        context.addIssue({ code: 'custom', path: ['cards', index, field, 'source'], message: `is no key of sources: ${figure.source}` })
      }
    }
  })

export function cardsOf({ cards }: z.infer<typeof HardwareFile>): Card[] {
  return cards.map((row) => ({
    name: row.name,
    arch: row.arch,
    deviceIds: row.deviceIds,
    vramBytes: row.vramGiB.value * 2 ** 30,
    bandwidth: row.bandwidthTBs === undefined ? null : row.bandwidthTBs.value * 1e12,
    flops: {
      ...(row.bf16Tflops && { bf16: row.bf16Tflops.value * 1e12 }),
      ...(row.fp8Tflops && { fp8: row.fp8Tflops.value * 1e12 }),
      ...(row.int8Tops && { int8: row.int8Tops.value * 1e12 }),
      ...(row.mxfp4Tflops && { mxfp4: row.mxfp4Tflops.value * 1e12 }),
    },
    linkBandwidth: row.linkGBs === undefined ? null : row.linkGBs.value * 1e9,
    watts: row.watts?.value ?? null,
    fp8: row.fp8.value,
    mxfp4: row.mxfp4.value,
  }))
}
