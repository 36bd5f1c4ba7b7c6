import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { fakeProbe, fakeRecipes, uniqueName } from '../support/fakes.js'
import { CARD, MODEL, gpuNode, pinOfModel } from '../support/gpu-model.js'

let cluster: TestCluster
beforeAll(async () => {
  onGpus() // before the node registers: only GPUs that its owner knows are leased
  cluster = await startCluster()
})
afterAll(() => cluster.stop())
afterEach(() => vi.restoreAllMocks())

/** A node of eight idle cards, and a catalogue with one model in two precisions, each of its own size. */
function onGpus() {
  vi.spyOn(fakeProbe, 'inspect').mockImplementation(async () => gpuNode(8))
  vi.spyOn(fakeRecipes, 'hardware').mockImplementation(async () => [CARD])
  vi.spyOn(fakeRecipes, 'models').mockImplementation(async () => [MODEL])
}
const pins = () => vi.spyOn(cluster.hub, 'pin').mockImplementation(pinOfModel)

test('what an engine tells of its KV cache is kept, the next plan starts from it, and the same request is no other engine', async () => {
  onGpus()
  pins()
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
  onGpus()
  const pin = pins()
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
