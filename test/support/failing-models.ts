import type { CatalogueModel } from '../../src/contracts/catalogue-file.js'
import type { Precision } from '../../src/domain/hardware.js'
import type { Recipe } from '../../src/domain/recipe.js'
import { MODEL } from './gpu-model.js'

/** Bytes of the weights of each repository: real files of a hub of the test. */
export const WEIGHT_BYTES: Record<string, number> = {}

/** A model with the shape of another one and weights that a test can move. The first repository is the one that is named. */
function model(name: string, variants: Partial<Record<Precision, string>>): CatalogueModel {
  const [some] = MODEL.variants
  if (some === undefined) throw new Error('the model has no variant')
  return {
    ...MODEL,
    name,
    variants: Object.entries(variants).map(([precision, repo], index) => {
      const weightBytes = (WEIGHT_BYTES[repo] = 3_000_000 - 1_000_000 * index)
      return { ...some, repo, precision: precision as Precision, weightBytes }
    }),
  }
}

type Given = Partial<Recipe> & Pick<Recipe, 'id' | 'model'>

/** For so many MI300X. */
function recipe({ gpus = 1, ...given }: Given & { gpus?: number }): Recipe {
  return {
    origin: 'untuned',
    precision: 'bf16',
    backend: 'vllm',
    version: null,
    format: 'safetensors',
    hardware: { kind: 'gpu', count: gpus, cards: ['MI300X'] },
    parallel: { tensor: gpus, pipeline: 1, data: 1, expert: false },
    objective: null,
    context: 65_536,
    settings: {},
    args: {},
    env: {},
    benchmarks: [],
    source: 'a test',
    ...given,
  }
}

/** The user's own goes before what its publisher has not tuned. */
const first = { origin: 'user' } as const

/**
 * Each model has a first choice and one placement of each other kind. `any`: on one GPU, on two, with other settings, by SGLang, in fp8.
 * `sglang`, `pair`: the first choice is SGLang's, or on two GPUs. `wrong`: the first choice is a recipe that the engine cannot do.
 * `full`, `ro`: no node has its weights yet.
 */
export const MODELS: CatalogueModel[] = [
  model('any', { bf16: 'any/bf16', fp8: 'any/fp8' }),
  model('sglang', { bf16: 'sglang/bf16' }),
  model('pair', { bf16: 'pair/bf16' }),
  model('wrong', { bf16: 'wrong/bf16' }),
  ...['full', 'ro'].map((name) => model(name, { bf16: `${name}/bf16` })),
]

export const RECIPES: Recipe[] = [
  recipe({ id: 'any/first', model: 'any/bf16', ...first }),
  recipe({ id: 'any/eager', model: 'any/bf16', settings: { graphs: false } }),
  recipe({ id: 'any/two', model: 'any/bf16', gpus: 2 }),
  recipe({ id: 'any/sglang', model: 'any/bf16', backend: 'sglang' }),
  recipe({ id: 'any/fp8', model: 'any/fp8', precision: 'fp8' }),
  recipe({ id: 'sglang/first', model: 'sglang/bf16', backend: 'sglang', ...first }),
  recipe({ id: 'sglang/vllm', model: 'sglang/bf16' }),
  recipe({ id: 'pair/first', model: 'pair/bf16', gpus: 2, ...first }),
  recipe({ id: 'pair/one', model: 'pair/bf16' }),
  recipe({ id: 'wrong/first', model: 'wrong/bf16', args: { port: 1 }, ...first }),
  recipe({ id: 'wrong/right', model: 'wrong/bf16' }),
  ...['full', 'ro'].map((name) => recipe({ id: `${name}/first`, model: `${name}/bf16`, ...first })),
]
