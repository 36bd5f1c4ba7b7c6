import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { round, type Figure } from '../figure.js'
import { aria2, curl, hf, hubJs, ours } from './clients.js'
import { least, rounds, type Cost } from './measure.js'
import { BIG, SHARDS } from './models.js'
import type { DownloadServer } from './server.js'

const ROUNDS = 5
const GIB = 2 ** 30
const MB = 1e6

type Note = (line: string) => void

/** Whole processes, from start to end; the smallest of five rounds in shuffled order. Only ours verifies what it publishes. */
export async function speedFigures(server: DownloadServer, out: string, note: Note): Promise<Figure[]> {
  const into = (run: (folder: string) => Promise<Cost>) => () => {
    rmSync(out, { recursive: true, force: true })
    mkdirSync(out, { recursive: true })
    return run(out)
  }
  const { fast, capped } = server
  const file = server.bytesOf(`${BIG.repo}/${BIG.file}`)
  const big = await rounds(
    ROUNDS,
    {
      'ours, not synced': into((to) => ours(fast, BIG.repo, to, '--unsynced')),
      'ours, synced': into((to) => ours(fast, BIG.repo, to)),
      'hf download': into((to) => hf(fast, BIG.repo, to)),
      '@huggingface/hub': into((to) => hubJs(fast, BIG.repo, to)),
      'aria2c -x16 (one file)': into((to) => aria2(file, to)),
      'curl (one file)': into((to) => curl(file, to)),
    },
    note,
  )
  const cap = await rounds(
    ROUNDS,
    { ours: into((to) => ours(capped, BIG.repo, to, '--unsynced')), hf: into((to) => hf(capped, BIG.repo, to)) },
    note,
  )
  const shards = await rounds(
    ROUNDS,
    { ours: into((to) => ours(fast, SHARDS.repo, to)), hf: into((to) => hf(fast, SHARDS.repo, to)) },
    note,
  )
  rmSync(out, { recursive: true, force: true })

  const rate = (costs: Cost[] | undefined): number => BIG.bytes / MB / least(costs, 'seconds')
  const against = (name: string, mine: Cost[] | undefined, peer: string, theirs: Cost[] | undefined, bar?: number): Figure => {
    const ratio = least(theirs, 'seconds') / least(mine, 'seconds')
    return {
      name,
      value: round(rate(mine)),
      unit: 'MB/s',
      peer: { name: peer, value: round(rate(theirs)) },
      bar: bar === undefined ? null : `>= ${bar}x`,
      holds: bar === undefined ? null : ratio >= bar,
    }
  }
  const unsynced = big['ours, not synced']
  const hash = hashRate()
  const within = Math.min(...(unsynced ?? []).map(({ stdout }) => (JSON.parse(stdout) as { seconds: number }).seconds))
  const share = BIG.bytes / MB / within / hash
  const cpu = (costs: Cost[] | undefined): number => least(costs, 'cpuSeconds') / (SHARDS.bytes / GIB)
  return [
    against('download 2 GiB + 8 small, verified, not synced', unsynced, 'hf download', big['hf download'], 1.5),
    against('download 2 GiB + 8 small, verified, synced', big['ours, synced'], 'hf download, not synced', big['hf download'], 1.2),
    against('download, not synced, beside @huggingface/hub', unsynced, '@huggingface/hub', big['@huggingface/hub']),
    against('download, not synced, beside aria2', unsynced, 'aria2c -x16, one file', big['aria2c -x16 (one file)']),
    against('download, not synced, beside curl', unsynced, 'curl, one file', big['curl (one file)']),
    against('download at 67 MB/s per connection', cap['ours'], 'hf download', cap['hf'], 4.2),
    {
      name: 'verified throughput, not synced, beside sha256 on one core',
      value: round(BIG.bytes / MB / within),
      unit: 'MB/s',
      peer: { name: 'sha256', value: round(hash) },
      bar: '>= 0.36x',
      holds: share >= 0.36,
    },
    {
      name: 'processor time per GiB, 4 shards of 512 MiB, synced',
      value: round(cpu(shards['ours'])),
      unit: 's',
      peer: { name: 'hf download', value: round(cpu(shards['hf'])) },
      bar: '<= 1.2x',
      holds: cpu(shards['ours']) <= 1.2 * cpu(shards['hf']),
    },
  ]
}

/** MB/s of sha256 over memory on one core: the best of five. */
function hashRate(): number {
  const block = Buffer.alloc(4 << 20)
  const times = Array.from({ length: 5 }, () => {
    const hash = createHash('sha256')
    const start = performance.now()
    for (let index = 0; index < 64; index += 1) hash.update(block)
    hash.digest()
    return performance.now() - start
  })
  return (64 * block.length) / MB / (Math.min(...times) / 1_000)
}
