import type { Card } from '../../../src/domain/hardware.js'
import type { ModelFacts, ModelShape, ModelVariant } from '../../../src/domain/model.js'
import type { Gpu, NodeInspection } from '../../../src/domain/node.js'
import type { Plan } from '../../../src/domain/plan.js'
import type { Recipe } from '../../../src/domain/recipe.js'
import { makePlan, type PlanInput } from '../../../src/domain/selection/make-plan.js'

export const GIB = 2 ** 30

/** Round figures, so that expectations can be worked out by hand. */
export function card(name: string, change: Partial<Card> = {}): Card {
  return {
    name,
    arch: 'gfx942',
    deviceIds: [],
    vramBytes: 192 * GIB,
    bandwidth: 5e12,
    flops: { bf16: 1e15, fp8: 2e15 },
    linkBandwidth: 4e11,
    watts: null,
    fp8: 'fnuz',
    mxfp4: false,
    ...change,
  }
}

export const BIG = card('MI300X')
export const SMALL = card('MI210', { arch: 'gfx90a', vramBytes: 64 * GIB, bandwidth: 1.6e12, flops: { bf16: 1.8e14 }, fp8: null })

/** A dense model of 32 heads and 8 KV heads. */
export const SHAPE: ModelShape = {
  architecture: 'LlamaForCausalLM',
  layers: 32,
  hidden: 4096,
  intermediate: 14_336,
  vocab: 128_256,
  attention: { kind: 'grouped', heads: 32, kvHeads: 8, headDim: 128 },
  windowed: null,
  experts: null,
  maxContext: 32_768,
  tiedEmbeddings: false,
  parameters: { total: 8e9, active: 8e9, experts: 0 },
}

export function variant(repo: string, change: Partial<ModelVariant> = {}): ModelVariant {
  return { repo, precision: 'bf16', method: null, block: null, weightBytes: 16e9, gated: false, cards: null, ...change }
}

export function facts(change: Partial<ModelFacts> = {}): ModelFacts {
  const variants = [variant('org/model')]
  return {
    repo: 'org/model',
    shape: SHAPE,
    unknown: null,
    variants,
    files: null,
    parsers: {},
    remoteCode: false,
    origin: 'catalogue',
    ...change,
  }
}

/** What the hub lists of a repository whose model nobody knows. */
export function unknown(repo: string, files: { path: string; size: number }[]): ModelFacts {
  return facts({ repo, shape: null, unknown: 'no config.json was read', variants: [], files, origin: 'hub' })
}

export function gpu(index: number, change: Partial<Gpu> = {}): Gpu {
  return {
    index,
    model: BIG.name,
    arch: BIG.arch,
    vramTotalBytes: 192 * GIB,
    vramFreeBytes: 191 * GIB,
    partition: null,
    card: index,
    bdf: null,
    hive: 'a',
    health: { temperatureCelsius: null, powerWatts: null, eccUncorrectable: 0, eccCorrectable: 0 },
    processes: [],
    ...change,
  }
}

export function gpus(count: number, change: (index: number) => Partial<Gpu> = () => ({})): Gpu[] {
  return Array.from({ length: count }, (_, index) => gpu(index, change(index)))
}

export function node(nodeId: string, change: Partial<NodeInspection> = {}): NodeInspection {
  return {
    nodeId,
    hostname: nodeId,
    cpus: 64,
    memoryTotalBytes: 512 * GIB,
    memoryFreeBytes: 256 * GIB,
    cacheDisk: { path: '/', totalBytes: GIB, freeBytes: GIB },
    gpus: gpus(8),
    rocm: { driver: null, rocm: null },
    labels: {},
    cachedModels: [],
    problems: [],
    peerUrl: null,
    backends: [
      { backend: 'vllm', ready: true, version: '0.32.0' },
      { backend: 'sglang', ready: true, version: '0.5.23' },
      { backend: 'llamacpp', ready: true, version: '3' },
    ],
    ...change,
  }
}

/** `count` GPUs by tensor parallelism; 0: the processor. */
export function recipe(id: string, count: number, change: Partial<Recipe> = {}): Recipe {
  return {
    id,
    origin: 'published',
    model: 'org/model',
    precision: null,
    backend: 'vllm',
    version: null,
    format: 'safetensors',
    hardware: count === 0 ? { kind: 'cpu' } : { kind: 'gpu', count, cards: [BIG.name] },
    parallel: { tensor: Math.max(1, count), pipeline: 1, data: 1, expert: false },
    objective: null,
    settings: {},
    args: {},
    env: {},
    benchmarks: [],
    source: 'test',
    ...change,
  }
}

type Change = Omit<Partial<PlanInput>, 'requirements'> & { requirements?: Partial<PlanInput['requirements']> }

export function plan({ requirements, ...change }: Change): Plan {
  return makePlan({
    model: facts(),
    nodes: [node('n1')],
    recipes: [],
    hardware: [BIG, SMALL],
    current: null,
    prices: null,
    measurements: [],
    ...change,
    requirements: { objective: 'balanced', remoteCode: [], ...requirements },
  })
}

export const chosen = ({ candidates }: Plan): string[] => candidates.map(({ recipe: id, node: where }) => `${id} ${where}`)
export const reasons = ({ dropped }: Plan): string[] => dropped.map(({ reason }) => reason)
