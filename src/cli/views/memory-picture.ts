import type { Candidate } from '../../domain/plan.js'
import type { MemoryFit } from '../../domain/memory/fit.js'
import type { View } from '../output/report.js'

const WIDTH = 60
const PARTS = [
  { name: 'weights', mark: '#', bytes: (fit: MemoryFit) => fit.weightBytes },
  { name: 'activations', mark: '=', bytes: (fit: MemoryFit) => fit.activationBytes },
  { name: 'graphs', mark: '-', bytes: (fit: MemoryFit) => fit.graphBytes },
  { name: 'reserve', mark: 'r', bytes: (fit: MemoryFit) => fit.reserveBytes },
  { name: 'KV cache', mark: '.', bytes: (fit: MemoryFit) => Math.max(0, fit.kvBytes) },
] as const

/** The memory of one GPU as a bar, and the sum that it shows. What the backend leaves alone is blank. */
export function memoryPicture({ fit, gpus, card }: Candidate, { paint }: View): string {
  if (fit === null) return ''
  const parts = PARTS.map((part) => ({ ...part, bytes: part.bytes(fit) })).filter(({ bytes }) => bytes > 0)
  let used = 0
  const bar = parts.map(({ mark, bytes }) => {
    const from = Math.round((WIDTH * used) / fit.totalBytes)
    used += bytes
    return mark.repeat(Math.max(0, Math.round((WIDTH * used) / fit.totalBytes) - from))
  })
  const sum = parts.map(({ name, mark, bytes }) => `${mark} ${name} ${gib(bytes)}`)
  const left = Math.max(0, fit.totalBytes - used)
  return [
    paint(
      'bold',
      `memory of each of ${gpus.length} ${card ?? ''} GPU${gpus.length === 1 ? '' : 's'}, ${gib(fit.totalBytes)} GiB (${fit.basis})`,
    ),
    `[${bar.join('').slice(0, WIDTH).padEnd(WIDTH)}]`,
    `${sum.join('  ')}  left alone ${gib(left)}  GiB`,
    `${fit.maxConcurrency} requests of ${fit.context} tokens fit; the longest single one is ${fit.maxContext}`,
    '',
  ].join('\n')
}

const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1)
