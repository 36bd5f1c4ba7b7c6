import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { createHub } from '../../../src/adapters/hub/create-hub.js'
import { hubSource } from '../../../src/adapters/sources/hub-source.js'
import { createWeightStore, type WeightStoreOptions } from '../../../src/adapters/weights/create-weight-store.js'
import type { PinnedModel } from '../../../src/contracts/model.js'
import type { WeightSource } from '../../../src/ports/weight-source.js'
import type { WeightStore } from '../../../src/ports/weight-store.js'
import { startMisbehavingHub, type MisbehavingHub } from '../../support/misbehaving-hub.js'
import { sha256, temporaryFolder, writeSampleModel } from '../../support/sample-model.js'

export const REPO = 'acme/tiny'
export const WEIGHTS = /model\.safetensors/
/** Parts small enough that a file of some MiB has many, and none is cut or shared because the machine is busy. */
const SMALL_PARTS = { leastBytes: 1 << 20, mostBytes: 1 << 20, judgedAfterMs: 60_000, sharedAfterMs: 60_000 }
const QUICK = { retry: { baseMs: 10, maxMs: 50 }, parts: SMALL_PARTS, durable: false }

/** One model on a hub that misbehaves, and a cache to bring it to. */
export type Bench = {
  hub: MisbehavingHub
  model: PinnedModel
  content: Buffer
  digest: string
  hubCache: string
  partials: string
  /** Folder of the served models. */
  served: string
  source(hub?: { url: string }, name?: string): WeightSource
  store(options?: Partial<WeightStoreOptions>): WeightStore
  /** Ranges of the weights that were asked for, in order. */
  ranges(hub?: MisbehavingHub): { start: number; end: number; connection: number; status: number }[]
  blob(): string
  expectWhole(): Promise<void>
  /** The weights in the cache. `dirty`: they are right, and something half-written is left. */
  published(): Promise<'right' | 'dirty' | 'wrong' | 'absent'>
  leftovers(): Promise<string[]>
  /** Another hub with the same model, closed with this. */
  another(): Promise<MisbehavingHub>
  close(): Promise<void>
}

/** `more` are further files of the model, by path. */
export async function startBench(weightBytes: number, more: Record<string, string> = {}): Promise<Bench> {
  const served = await temporaryFolder()
  const local = await temporaryFolder()
  const content = (await writeSampleModel(served.path, REPO, weightBytes)).get('model.safetensors') ?? Buffer.alloc(0)
  for (const [path, text] of Object.entries(more)) await writeFile(join(served.path, REPO, path), text)
  const hub = await startMisbehavingHub(served.path)
  const hubs = [hub]
  const hubCache = join(local.path, 'hub')
  const partials = join(local.path, 'aim')
  const client = ({ url }: { url: string }) => createHub({ endpoint: url, token: async () => null, limits: { answerMs: 2_000 } })
  const source: Bench['source'] = (of = hub, name = 'hub') => hubSource(client(of), name)
  const model = await client(hub).pin(REPO, 'main')
  hub.requests.length = 0
  const blob = (): string => join(hubCache, 'models--acme--tiny', 'blobs', sha256(content))
  const leftovers = (): Promise<string[]> => readdir(partials).catch(() => []) // gone when it is empty

  async function published(): ReturnType<Bench['published']> {
    const bytes = await readFile(blob()).catch(() => null) // not there
    if (bytes === null) return 'absent'
    if (!bytes.equals(content)) return 'wrong'
    return (await leftovers()).length > 0 ? 'dirty' : 'right'
  }

  return {
    hub,
    model,
    content,
    digest: sha256(content),
    hubCache,
    partials,
    served: served.path,
    source,
    store: (options = {}) => createWeightStore({ sources: () => [source()], hubCache, partials, ...QUICK, ...options }),
    ranges: (of = hub) =>
      of.requests
        .filter(({ method, path }) => method === 'GET' && WEIGHTS.test(path))
        .map(({ headers, connection, status }) => {
          const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
          return { start: Number(start), end: Number(end) + 1, connection, status }
        }),
    blob,
    published,
    expectWhole: async () => expect(await published()).toBe('right'),
    leftovers,
    async another() {
      const next = await startMisbehavingHub(served.path)
      hubs.push(next)
      return next
    },
    async close() {
      for (const each of hubs) await each.close()
      await served.remove()
      await local.remove()
    },
  }
}

/** Bytes of the ranges together, each counted as often as it was asked for. */
export const bytesOf = (ranges: { start: number; end: number }[]): number => ranges.reduce((sum, { start, end }) => sum + end - start, 0)
