import { join } from 'node:path'
import { AimError } from '../../../contracts/errors.js'
import { EndpointName } from '../../../contracts/names.js'
import { engineKeyName, type EngineKey } from '../../../domain/engine.js'

/**
 * Folder of a launch under `root`. The key comes from workflow state, and a path is made of it: so it is checked here too.
 * @throws AimError `InvalidInput`.
 */
export function folderOf(root: string, key: EngineKey): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(key.namespace)) throw invalid('namespace', 'must be letters, digits, `.`, `_` or `-`')
  if (!EndpointName.safeParse(key.endpoint).success) throw invalid('endpoint', 'must be the name of an endpoint')
  for (const counter of ['replica', 'fence', 'launch'] as const) {
    if (!Number.isSafeInteger(key[counter]) || key[counter] < 0) throw invalid(counter, 'must be a whole number from 0')
  }
  return join(root, engineKeyName(key))
}

function invalid(field: string, rule: string): AimError {
  return new AimError('InvalidInput', { field: `key.${field}`, rule })
}
