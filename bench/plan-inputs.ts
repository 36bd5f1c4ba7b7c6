import type { Backend, EngineSettings, Parallelism } from '../src/domain/engine.js'
import { canCompute, type Card } from '../src/domain/hardware.js'
import type { ModelFacts, ModelVariant } from '../src/domain/model.js'
import type { Gpu, NodeInspection } from '../src/domain/node.js'
import { OBJECTIVES, type Recipe } from '../src/domain/recipe.js'
import type { Requirements } from '../src/domain/requirements.js'
import type { PlanInput } from '../src/domain/selection/make-plan.js'

const GIB = 2 ** 30
const HOURLY = { currency: 'EUR', perGpuHour: {} as Record<string, number> }

/** Numbers from a seed: the same seed builds the same input on every machine. */
export type Random = { below: (limit: number) => number; chance: (share: number) => boolean; pick: <T>(from: readonly T[]) => T }

/** Mulberry32. */
export function randomFrom(seed: number): Random {
  let state = seed
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    chance: (share) => next() < share,
    pick: (from) => {
      const picked = from[below(from.length)]
      if (picked === undefined) throw new Error('nothing to pick from')
      return picked
    },
  }
}

/** `share`: part of the recipes that are for the model of the plan; the rest is for other repositories. */
export type Size = { recipes: number; nodes: number; gpus: number; share: number }

/** One inventory, recipes and requirements as a site might have them: half-used nodes, several cards, hives, caches, readiness. */
export function planInput(seed: number, model: ModelFacts, hardware: readonly Card[], size: Size): PlanInput {
  const random = randomFrom(seed)
  const cards = hardware.filter((card) => card.vramBytes >= 64 * GIB)
  const prices = { ...HOURLY, perGpuHour: Object.fromEntries(cards.map((card) => [card.name, 1 + random.below(400) / 100])) }
  return {
    model,
    nodes: Array.from({ length: size.nodes }, (_, index) => node(random, index, model, cards, size.gpus)),
    recipes: Array.from({ length: size.recipes }, (_, index) => recipe(random, index, model, cards, size.share)),
    hardware,
    requirements: requirements(
      random,
      model.variants.map(({ repo }) => repo),
    ),
    current: null,
    prices: random.chance(0.5) ? prices : null,
    measurements: [],
  }
}

function requirements(random: Random, repos: string[]): Requirements {
  return {
    objective: random.pick(OBJECTIVES),
    remoteCode: random.chance(0.5) ? repos : [],
    ...(random.chance(0.4) && { context: 2 ** (11 + random.below(6)) }),
    ...(random.chance(0.4) && { concurrency: 2 ** random.below(7) }),
    ...(random.chance(0.3) && { precisions: ['bf16', 'fp8', 'int4', 'mxfp4'] as const satisfies Requirements['precisions'] }),
    ...(random.chance(0.2) && { labels: { zone: random.pick(['a', 'b']) } }),
  }
}

function node(random: Random, index: number, model: ModelFacts, cards: Card[], count: number): NodeInspection {
  const card = random.pick(cards)
  const hives = random.chance(0.2) ? 2 : 1
  const load = random.below(100)
  const backends: Backend[] = ['vllm', 'sglang']
  return {
    nodeId: `node-${String(index).padStart(4, '0')}`,
    hostname: `node-${index}`,
    cpus: 192,
    memoryTotalBytes: 2048 * GIB,
    memoryFreeBytes: (256 + random.below(1536)) * GIB,
    cacheDisk: { path: '/var/cache/aim', totalBytes: 16_384 * GIB, freeBytes: 8_192 * GIB },
    gpus: Array.from({ length: count }, (_, gpu) => gpuOf(random, card, gpu, Math.floor((gpu * hives) / count), load)),
    rocm: { driver: '6.14.14', rocm: '7.0.1' },
    labels: { zone: random.pick(['a', 'b', 'c']), rack: String(random.below(40)) },
    cachedModels: model.variants.filter(() => random.chance(0.1)).map(({ repo }) => repo),
    problems: [],
    peerUrl: null,
    backends: backends.map((backend) =>
      random.chance(0.9)
        ? { backend, ready: true, version: backend === 'vllm' ? '0.32.0' : '0.5.23' }
        : { backend, ready: false, reason: `${backend} is not installed`, fix: `pip install ${backend}` },
    ),
  }
}

/** `load` is the share of the node's GPUs that somebody uses, in percent. Idle GPUs differ by some MiB. */
function gpuOf(random: Random, card: Card, index: number, hive: number, load: number): Gpu {
  const used = random.below(100) < load
  const held = used ? random.below(card.vramBytes) : random.below(GIB)
  return {
    index,
    model: card.name,
    arch: card.arch,
    vramTotalBytes: card.vramBytes,
    vramFreeBytes: card.vramBytes - held,
    partition: null,
    card: index,
    bdf: `0000:${(index + 5).toString(16).padStart(2, '0')}:00.0`,
    hive: `hive-${hive}`,
    health: { temperatureCelsius: 45, powerWatts: 150, eccUncorrectable: random.chance(0.005) ? 1 : 0, eccCorrectable: random.below(3) },
    processes: used && random.chance(0.5) ? [{ pid: 4_000 + index, name: 'python3', vramBytes: held }] : [],
  }
}

/** Derived ones are for one card each, as our rule makes them; people write theirs for several. */
function recipe(random: Random, index: number, model: ModelFacts, cards: Card[], share: number): Recipe {
  const variant = random.pick(model.variants)
  const able = cards.filter((card) => canCompute(card, variant.precision) && (variant.cards === null || variant.cards.includes(card.name)))
  const count = random.pick([1, 2, 4, 8])
  const backend = random.pick(['vllm', 'vllm', 'sglang'] as const)
  const origin = random.pick(['published', 'user', 'derived', 'derived'] as const)
  const names = able.filter(() => origin !== 'derived' && random.chance(0.4)).map(({ name }) => name)
  const hardwareCards = names.length > 0 ? names : [random.pick(able).name]
  return {
    id: `bench/${index}`,
    origin,
    model: random.chance(share) ? variant.repo : `other/model-${random.below(40)}`,
    precision: variant.precision,
    backend,
    version: null,
    format: 'safetensors',
    hardware: { kind: 'gpu', count, cards: hardwareCards },
    parallel: parallel(random, count, model),
    objective: random.pick([null, 'latency', 'throughput']),
    ...(random.chance(0.3) && { context: 2 ** (12 + random.below(5)) }),
    settings: settings(random, variant),
    args: { 'block-size': 16, 'disable-uvicorn-access-log': true },
    env: { VLLM_ROCM_USE_AITER: '1' },
    benchmarks: random.chance(0.05) ? [benchmark(random, hardwareCards)] : [],
    source: 'bench/plan-inputs.ts',
  }
}

function parallel(random: Random, count: number, { shape }: ModelFacts): Parallelism {
  const pipeline = count >= 4 && random.chance(0.15) ? 2 : 1
  const isMixture = shape !== null && shape.experts !== null
  return { tensor: count / pipeline, pipeline, data: 1, expert: isMixture && random.chance(0.5) }
}

/** Memory shares by hundredths, so that hardly two recipes need the same free memory. */
function settings(random: Random, variant: ModelVariant): EngineSettings {
  return {
    ...(random.chance(0.6) && { memoryFraction: (80 + random.below(16)) / 100 }),
    ...(variant.precision === 'fp8' && random.chance(0.5) && { kvDtype: 'fp8' as const }),
    ...(random.chance(0.5) && { maxBatchedTokens: 2 ** (11 + random.below(5)) }),
    ...(random.chance(0.5) && { maxSequences: 2 ** (5 + random.below(6)) }),
    ...(random.chance(0.1) && { trustRemoteCode: true }),
  }
}

function benchmark(random: Random, cards: string[]): Recipe['benchmarks'][number] {
  const card = random.pick(cards)
  return {
    card,
    concurrency: 2 ** random.below(7),
    promptTokens: 1_024,
    outputTokensPerSecond: 100 + random.below(4_000),
    ttftMs: null,
    source: 'made up',
  }
}
