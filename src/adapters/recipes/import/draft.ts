import type { Backend } from '../../../domain/engine.js'
import type { Precision } from '../../../domain/hardware.js'
import type { Recipe } from '../../../domain/recipe.js'
import type { RecipeProblem } from '../../../ports/recipes.js'
import type { IMPORT_PRECISIONS } from '../../../contracts/recipe-import.js'
import { ownValue } from '../../../engines/own-value.js'
import type { YamlPath } from '../yaml-source.js'

/** A flag or variable of a foreign file, and where it stands. Null: a bare switch. */
export type ForeignValue = { name: string; value: unknown; path: YamlPath }

/** A foreign recipe before its flags are mapped. `places` says where a field of ours was read, for what is wrong with it. */
export type Draft = {
  id: string
  model: string
  precision: Precision | null
  backend: Extract<Backend, 'vllm' | 'sglang'>
  hardware: Recipe['hardware']
  objective: Recipe['objective']
  source: string
  flags: ForeignValue[]
  env: ForeignValue[]
  places: { model: YamlPath; hardware: YamlPath; precision: YamlPath }
  remarks: Remark[]
}

/** What was not taken over, or not as it stood. */
export type Remark = { path: YamlPath; text: string }

/** A recipe that came out of a foreign file. */
export type Imported = { id: string; recipe: Omit<Recipe, 'id' | 'origin'>; remarks: RecipeProblem[] }

/** fp16 and bf16 are both 16-bit floats; the fp4 of these files is mxfp4. */
export const PRECISION_OF: Record<(typeof IMPORT_PRECISIONS)[number], Precision> = {
  fp4: 'mxfp4',
  mxfp4: 'mxfp4',
  fp8: 'fp8',
  fp16: 'bf16',
  bf16: 'bf16',
  int4: 'int4',
  int8: 'int8',
}

/** Precisions that makers of weights write into the name of a repository. */
const IN_A_NAME: Readonly<Record<string, Precision>> = { fp8: 'fp8', int8: 'int8', int4: 'int4', fp4: 'mxfp4', mxfp4: 'mxfp4' }

/** What to say of a precision that is taken as another, or that the name of the repository contradicts. */
export function precisionRemarks(foreign: (typeof IMPORT_PRECISIONS)[number], model: string, path: YamlPath): Remark[] {
  const taken = PRECISION_OF[foreign]
  const named = model
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .flatMap((word) => ownValue(IN_A_NAME, word) ?? [])
  const contradicted = named.length > 0 && !named.includes(taken)
  return [
    ...(foreign === 'fp16' ? [{ path, text: 'fp16 is taken as bf16, the word for all 16-bit floats' }] : []),
    ...(contradicted ? [{ path, text: `${foreign}, but the name of ${model} says ${named.join(' and ')}: correct one of them` }] : []),
  ]
}

/** Cards that those files name in another way than the hardware table. */
const CARD_NAMES: Readonly<Record<string, string>> = { W7900: 'PRO W7900', RX7900: 'RX 7900 XTX' }

export function cardName(foreign: string): string {
  return ownValue(CARD_NAMES, foreign) ?? foreign
}
