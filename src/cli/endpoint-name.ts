import { AimError } from '../contracts/errors.js'
import { EndpointName } from '../contracts/names.js'

const LONGEST = 63

/** Name for an endpoint of this model: its last part in the letters that a name may have. `Qwen/Qwen2.5-7B` gives `qwen2-5-7b`. */
export function nameFromModel(model: string): string {
  const last = model.slice(model.lastIndexOf('/') + 1).toLowerCase()
  return last
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replaceAll(/^-+/g, '')
    .slice(0, LONGEST)
    .replaceAll(/-+$/g, '')
}

/** Throws InvalidInput before anything is asked of the cluster. */
export function checkedName(name: string): string {
  const result = EndpointName.safeParse(name)
  if (!result.success) throw new AimError('InvalidInput', { field: 'NAME', rule: result.error.issues[0]?.message ?? 'is not valid' })
  return result.data
}
