import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { CatalogueModel } from '../../src/contracts/catalogue-file.js'
import type { PinnedModel } from '../../src/contracts/model.js'
import type { Card } from '../../src/domain/hardware.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { COMMIT, fakeProbe, fakeRecipes, uniqueName } from '../support/fakes.js'
import { aGpu } from '../support/gpus.js'
import { aNode } from '../support/nodes.js'

const CARD: Card = {
  name: 'MI300X',
  arch: 'gfx942',
  deviceIds: [0x74a1],
  vramBytes: 192 * 2 ** 30,
  bandwidth: 5.3e12,
  flops: { bf16: 1.3e15, fp8: 2.6e15 },
  linkBandwidth: 448e9,
  watts: 750,
  fp8: 'fnuz',
  mxfp4: false,
}
const MODEL: CatalogueModel = {
  name: 'Model',
  shape: {
    architecture: 'LlamaForCausalLM',
    layers: 32,
    hidden: 4096,
    intermediate: 14336,
    vocab: 128256,
    attention: { kind: 'grouped', heads: 32, kvHeads: 8, headDim: 128 },
    windowed: null,
    experts: null,
    maxContext: 131072,
    tiedEmbeddings: false,
    parameters: { total: 8_030_000_000, active: 8_030_000_000, experts: 0 },
  },
  variants: [
    {
      repo: 'org/model',
      precision: 'bf16',
      method: null,
      block: null,
      weightBytes: 16_060_000_000,
      gated: false,
      cards: null,
      source: 'a test',
    },
    {
      repo: 'org/model-fp8',
      precision: 'fp8',
      method: 'fp8',
      block: null,
      weightBytes: 8_030_000_000,
      gated: false,
      cards: null,
      source: 'a test',
    },
  ],
  licence: { name: 'none', gated: false },
  parsers: { vllm: { tools: null, reasoning: null }, sglang: { tools: null, reasoning: null } },
  remoteCode: false,
  sources: ['a test'],
}

let cluster: TestCluster
beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())
afterEach(() => vi.restoreAllMocks())

/** A node of eight idle cards, and a catalogue with one model in two precisions, each of its own size. */
function onGpus() {
  vi.spyOn(fakeProbe, 'inspect').mockImplementation(async () =>
    aNode({ gpus: Array.from({ length: 8 }, (_, index) => aGpu({ index, card: index, hive: 'a' })) }),
  )
  vi.spyOn(fakeRecipes, 'hardware').mockImplementation(async () => [CARD])
  vi.spyOn(fakeRecipes, 'models').mockImplementation(async () => [MODEL])
  return vi.spyOn(cluster.hub, 'pin').mockImplementation(async (repo, ref): Promise<PinnedModel> => {
    const size = MODEL.variants.find((variant) => variant.repo === repo)?.weightBytes ?? 0
    const file = (path: string, bytes: number) => ({ path, size: bytes, digest: { kind: 'sha256', hex: 'b'.repeat(64) } }) as const
    return { repo, ref, commit: COMMIT, files: [file('config.json', 10), file('model.safetensors', size)] }
  })
}

test('what an engine tells of its KV cache is kept, the next plan starts from it, and the same request is no other engine', async () => {
  onGpus()
  const told = ['INFO loading', 'INFO Available KV cache memory: 150.5 GiB', 'INFO GPU KV cache size: 1,232,896 tokens']
  vi.spyOn(cluster.machine, 'logTail').mockImplementation(async () => told)
  const request = { endpoint: uniqueName('chat'), model: 'org/model', backend: 'vllm', gpus: 1 } as const
  const first = await (await cluster.aim.deploy(request)).result()
  expect(first).toMatchObject({ outcome: 'deployed', backend: 'vllm' })
  expect(first.plan.candidates[0]).toMatchObject({ card: 'MI300X', gpus: [0], fit: { basis: 'computed' } })
  expect(cluster.records.measured).toMatchObject([
    {
      model: 'org/model',
      precision: 'bf16',
      backend: 'vllm',
      card: 'MI300X',
      gpuCount: 1,
      kvBytesPerGpu: 150.5 * 2 ** 30,
      kvTokens: 1_232_896,
    },
  ])
  const second = await (await cluster.aim.deploy(request)).result()
  expect(second).toMatchObject({ outcome: 'unchanged' })
  expect(second.plan.candidates[0]).toMatchObject({ fit: { basis: 'measured', kvBytes: 150.5 * 2 ** 30 } })
})

test('another precision of the model is another repository: it is pinned, and the history says which one serves', async () => {
  const pin = onGpus()
  const request = { endpoint: uniqueName('chat'), model: 'org/model', precisions: ['fp8'], hardware: ['MI300X'] } as const
  const result = await (await cluster.aim.deploy({ ...request, precisions: ['fp8'], hardware: ['MI300X'] })).result()
  expect(pin.mock.calls.map(([repo, ref]) => [repo, ref])).toEqual([
    ['org/model', 'main'],
    ['org/model-fp8', 'main'],
  ])
  expect(result).toMatchObject({ outcome: 'deployed', model: { repo: 'org/model-fp8' } })
  expect(result.plan.candidates[0]).toMatchObject({ precision: 'fp8', model: 'org/model-fp8' })
})

test('a plan in which nothing fits is an answer, not a failure', async () => {
  onGpus()
  const result = await (
    await cluster.aim.deploy({ endpoint: uniqueName('chat'), model: 'org/model', precisions: ['int4'], dryRun: true })
  ).result()
  expect(result).toMatchObject({ outcome: 'planned', recipe: null, node: null, plan: { candidates: [] } })
  expect(result.plan.dropped.length).toBeGreaterThan(0)
})

test('when nothing meets the requirements the failure names what is nearest and why', async () => {
  onGpus()
  const request = { endpoint: uniqueName('chat'), model: 'org/model', precisions: ['int4'] } as const
  await expect((await cluster.aim.deploy({ ...request, precisions: ['int4'] })).result()).rejects.toMatchObject({
    code: 'NoCandidate',
    message: expect.stringContaining('precision int4 was asked for') as string,
  })
})
