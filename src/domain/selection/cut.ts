import type { Card } from '../hardware.js'
import type { Gpu } from '../node.js'

/** How a card is cut: `mode` as users read it, null for a whole card. */
export type Cut = { mode: string | null; parts: number }

const WHOLE: Cut = { mode: null, parts: 1 }

/**
 * Whether a GPU is a part of a card. Where its count is not told, the share of the card's memory tells: in a mode that cuts, and without a
 * mode only for GPUs that share their card with others, because an MI300A shows as much memory as its system gives it.
 */
export function cutOf(gpu: Gpu, gpus: Gpu[], facts: Card): Cut {
  const { partition, vramTotalBytes } = gpu
  if (partition === null) {
    const parts = shareOfCard(vramTotalBytes, facts)
    const shared = parts > 1 && gpus.some((other) => other !== gpu && other.card === gpu.card)
    return shared ? { mode: 'mode not told', parts } : WHOLE
  }
  if (partition.count === 1 && partition.compute === 'SPX') return WHOLE
  const mode = [partition.compute, partition.memory].filter(Boolean).join('/')
  return { mode, parts: partition.count > 1 ? partition.count : shareOfCard(vramTotalBytes, facts) }
}

function shareOfCard(bytes: number, { vramBytes }: Card): number {
  return bytes === 0 ? 1 : Math.max(1, Math.round(vramBytes / bytes))
}
