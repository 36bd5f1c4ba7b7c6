import { gib } from '../memory/sizes.js'
import type { Kind } from './inventory.js'
import type { GpuNeed, Lack } from './place.js'
import { gpus } from './text.js'

const WORDS = {
  count: ({ count, name, most }) => `needs ${gpus(count)} of ${name} on one node, at most ${most} are there`,
  health: ({ count, name, most }) => `needs ${gpus(count)} of ${name} without uncorrectable memory errors, at most ${most} are there`,
  quarantine: ({ count, name, most }) => `needs ${gpus(count)} of ${name} that are not in quarantine, at most ${most} are there`,
  lease: ({ count, name, most }) => `needs ${gpus(count)} of ${name} that no other endpoint has, at most ${most} are there`,
  idle: ({ count, name, most }) => `needs ${gpus(count)} of ${name} that no other process uses, at most ${most} are there`,
  memory: ({ count, name, most, free }) => `needs ${free} free on each of ${gpus(count)} of ${name}, at most ${most} have it`,
  hive: ({ tensor, name, most }) => `needs ${gpus(tensor)} of ${name} in one XGMI hive, at most ${most} are free in one`,
} satisfies Record<Lack, (of: { count: number; tensor: number; name: string; most: number; free: string }) => string>

/** What nodes are short of, as a sentence with value and limit; `most` is what the best of them has. */
export function lackWords(lack: Lack, most: number, { tensor, groups, freeBytes }: GpuNeed, { card, mode }: Kind): string {
  const name = mode === null ? card : `${card} in ${mode}`
  return WORDS[lack]({ count: tensor * groups, tensor, name, most, free: gib(freeBytes) })
}
