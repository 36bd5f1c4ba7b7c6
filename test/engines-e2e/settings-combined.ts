import type { FlagCatalogue } from '../../src/contracts/flag-catalogue.js'
import type { Backend, EngineSettings, EngineSpec, Parallelism } from '../../src/domain/engine.js'
import { SPEC, gpus } from '../engines/specs.js'

const GIB = 2 ** 30
/** Whole in units of GiB and of 10^9: what each backend counts in. */
const OFFLOAD = GIB * 5 ** 9

/** For each setting the values that render in different ways. */
const VALUES: Omit<{ [S in keyof EngineSettings]-?: readonly NonNullable<EngineSettings[S]>[] }, keyof typeof NAMED> = {
  dtype: ['auto', 'bfloat16', 'float16'],
  memoryFraction: [0.1, 0.92],
  kvDtype: ['auto', 'fp8'],
  prefixCache: [true, false],
  chunkedPrefill: [true, false],
  maxBatchedTokens: [8192, 131_072],
  maxSequences: [1, 1024],
  graphs: [true, false],
  graphMaxBatch: [1, 512],
  weightOffloadBytes: [0, OFFLOAD],
  kvOffloadBytes: [OFFLOAD],
  streamInterval: [1, 16],
  trustRemoteCode: [true, false],
}

/** Settings whose values are names of the backend: all that its catalogue knows. */
const NAMED = {
  quantization: 'quantization',
  attentionBackend: 'attention-backend',
  toolParser: 'tool-call-parser',
  reasoningParser: 'reasoning-parser',
} as const
/** So many of each setting's values are tried together with every value of the others. */
const IN_PAIRS = 4

const PARALLEL: Parallelism[] = [
  { tensor: 1, pipeline: 1, data: 1, expert: false },
  { tensor: 8, pipeline: 1, data: 1, expert: true },
  { tensor: 2, pipeline: 2, data: 2, expert: false },
]

/** Each value alone, each two together, all of them at random (seeded) 2,000 times, and each way to spread over one machine and two. */
export function settingsCombined(catalogue: FlagCatalogue): EngineSpec[] {
  const { backend } = catalogue
  const named = Object.entries(NAMED).map(([setting, flag]) => [setting, namesOf(catalogue, flag)] as const)
  const single = [...Object.entries(VALUES), ...named].map(([name, values]) => values.map((value): EngineSettings => ({ [name]: value })))
  const few = single.map((values) => values.slice(0, IN_PAIRS))
  const pairs = few.flatMap((first, index) =>
    first.flatMap((a) => few.slice(index + 1).flatMap((later) => later.map((b) => ({ ...a, ...b })))),
  )
  const random = randomNumbers(4)
  const many = Array.from({ length: 2_000 }, (): EngineSettings =>
    Object.assign({}, ...single.map((values) => (random() < 0.5 ? {} : values[Math.floor(random() * values.length)]))),
  )
  const settings = [...single.flat(), ...pairs, ...many].filter(
    ({ graphs, graphMaxBatch }) => graphs !== false || graphMaxBatch === undefined,
  )
  return [
    ...settings.map((each, index) => specOf(backend, each, PARALLEL[index % PARALLEL.length] ?? SPEC.parallel)),
    ...PARALLEL.flatMap((parallel) => [0, 1].map((rank) => onTwoMachines(specOf(backend, {}, parallel), rank))),
  ]
}

function namesOf({ flags, values }: FlagCatalogue, name: string): readonly string[] {
  return values[name] ?? flags.find((flag) => flag.name === name)?.choices ?? []
}

function specOf(backend: Backend, settings: EngineSettings, parallel: Parallelism): EngineSpec {
  return { ...SPEC, backend, settings, parallel, gpus: gpus(parallel.tensor * parallel.pipeline * parallel.data) }
}

function onTwoMachines(spec: EngineSpec, rank: number): EngineSpec {
  const parallel = { ...spec.parallel, tensor: spec.parallel.tensor * 2 }
  return { ...spec, parallel, group: { nodes: 2, rank, leader: '10.0.0.1:29500' } }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
