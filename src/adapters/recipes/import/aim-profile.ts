import type { z } from 'zod'
import type { AimProfile } from '../../../contracts/recipe-import.js'
import type { YamlPath } from '../yaml-source.js'
import { cardName, PRECISION_OF, precisionRemarks, type Draft, type Remark } from './draft.js'

type Profile = z.output<typeof AimProfile>

const TOP = new Set(['aim_id', 'model_id', 'metadata', 'engine_args', 'env_vars', 'profile_schema_version'])
const METADATA = new Set([
  'engine',
  'gpu',
  'gpu_count',
  'accelerator_model',
  'accelerator_type',
  'accelerator_count',
  'precision',
  'metric',
  'type',
])

/** What is wrong with a file, at a field. */
export type Refusal = { path: YamlPath; rule: string }

/** A profile as a draft. `name` is the name of its file, without `.yaml`. */
export function draftOfProfile(profile: Profile, name: string): Draft | Refusal {
  const { aim_id: family, model_id: weights, metadata, engine_args: args, env_vars: env } = profile
  const hardware = hardwareOf(metadata)
  if ('rule' in hardware) return hardware
  const model = weights ?? family ?? '*'
  return {
    id: `${model === '*' ? 'any' : model}/${name}`,
    model,
    precision: model === '*' ? null : PRECISION_OF[metadata.precision],
    backend: metadata.engine,
    hardware: hardware.hardware,
    objective: metadata.metric ?? null,
    source: `imported from the AIM profile ${name}.yaml${metadata.type === undefined ? '' : `, of type ${metadata.type}`}`,
    flags: Object.entries(args).map(([flag, value]) => ({ name: flag.replaceAll('_', '-'), value, path: ['engine_args', flag] })),
    env: Object.entries(env).map(([variable, value]) => ({ name: variable, value, path: ['env_vars', variable] })),
    places: { model: [weights === undefined ? 'aim_id' : 'model_id'], hardware: hardware.path, precision: ['metadata', 'precision'] },
    remarks: [...remarksOn(profile, model), ...hardware.remarks],
  }
}

function remarksOn({ aim_id: family, metadata, ...rest }: Profile, model: string): Remark[] {
  const noPlace = 'has no place in a recipe'
  return [
    ...(family !== undefined && family !== model
      ? [{ path: ['aim_id'], text: `${family} groups profiles there: the recipe is for ${model}` }]
      : []),
    ...(model === '*'
      ? [{ path: ['metadata', 'precision'], text: `${metadata.precision}: a recipe for any model names no precision` }]
      : precisionRemarks(metadata.precision, model, ['metadata', 'precision'])),
    ...Object.keys(rest).flatMap((key) => (TOP.has(key) ? [] : [{ path: [key], text: noPlace }])),
    ...Object.entries(metadata).flatMap(([key, value]) =>
      METADATA.has(key) ? [] : [{ path: ['metadata', key], text: `${JSON.stringify(value)} ${noPlace}` }],
    ),
  ]
}

type Hardware = Pick<Draft, 'hardware' | 'remarks'> & { path: YamlPath }

function hardwareOf(metadata: Profile['metadata']): Hardware | Refusal {
  const { gpu, gpu_count: gpus, accelerator_model: model, accelerator_count: accelerators, accelerator_type: type } = metadata
  const at = (field: string): YamlPath => ['metadata', field]
  if (gpu !== undefined && model !== undefined && gpu !== model)
    return { path: at('accelerator_model'), rule: `is ${model}, but gpu is ${gpu}` }
  if (gpus !== undefined && accelerators !== undefined && gpus !== accelerators)
    return { path: at('accelerator_count'), rule: `is ${accelerators}, but gpu_count is ${gpus}` }
  const name = gpu ?? model
  if (type === 'cpu' || name === 'NONE') {
    const text = 'counts cores there: a recipe for the processor names none'
    const remarks = accelerators === undefined ? [] : [{ path: at('accelerator_count'), text }]
    return { hardware: { kind: 'cpu' }, path: at(type === 'cpu' ? 'accelerator_type' : 'gpu'), remarks }
  }
  const count = gpus ?? accelerators
  if (name === undefined) return { path: at('gpu'), rule: 'is required' }
  if (count === undefined || count === 0) return { path: at('gpu_count'), rule: 'must be 1 or more for a GPU' }
  return {
    hardware: { kind: 'gpu', count, cards: [cardName(name)] },
    path: at(gpu === undefined ? 'accelerator_model' : 'gpu'),
    remarks: [],
  }
}
