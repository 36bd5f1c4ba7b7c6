import type { z } from 'zod'
import type { RecipeIdFile } from '../../../contracts/recipe-import.js'
import type { Refusal } from './aim-profile.js'
import { cardName, PRECISION_OF, precisionRemarks, type Draft, type ForeignValue } from './draft.js'

type File = z.output<typeof RecipeIdFile>
type Served = NonNullable<File['vllm_serve']>[string]

const ENGINES = [
  { table: 'vllm_serve', backend: 'vllm' },
  { table: 'sglang_serve', backend: 'sglang' },
] as const

/** A draft for each engine and number of GPUs that is enabled. */
export function draftsOfRecipeId(file: File): (Draft | Refusal)[] {
  return ENGINES.flatMap(({ table, backend }) =>
    Object.entries(file[table] ?? {}).flatMap(([key, served]) => (served.enabled ? [draftOf(file, { table, backend, key, served })] : [])),
  )
}

type Entry = { table: 'vllm_serve' | 'sglang_serve'; backend: Draft['backend']; key: string; served: Served }

function draftOf(file: File, { table, backend, key, served }: Entry): Draft | Refusal {
  const { recipe_id: id, huggingface_id: model, hardware, precision } = file
  const count = Number.parseInt(key, 10)
  const flags = Object.entries(served.args ?? {}).map(([flag, value]): ForeignValue => ({
    name: flag.replace(/^--/, '').replaceAll('_', '-'),
    value: plainValue(value),
    path: [table, key, 'args', flag],
  }))
  const named = flags.find(({ name }) => name === 'model' || name === 'model-path')
  if (named !== undefined && named.value !== model)
    return { path: named.path, rule: `is ${String(named.value)}, but huggingface_id is ${model}` }
  return {
    id: `${model}/${id}-${count}-${backend}`,
    model,
    precision: PRECISION_OF[precision],
    backend,
    hardware: { kind: 'gpu', count, cards: [cardName(hardware)] },
    objective: null,
    source: `imported from recipe_id ${id}, ${table} ${key}`,
    flags,
    env: [],
    places: { model: ['huggingface_id'], hardware: ['hardware'], precision: ['precision'] },
    remarks: [
      ...(file.model_id === model ? [] : [{ path: ['model_id'], text: `${file.model_id} is a name there: the recipe is for ${model}` }]),
      ...precisionRemarks(precision, model, ['precision']),
    ],
  }
}

/** Every value is a string there. */
function plainValue(value: string | number | boolean | null): unknown {
  if (value === 'true') return true
  if (value === 'false') return false
  return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
}
