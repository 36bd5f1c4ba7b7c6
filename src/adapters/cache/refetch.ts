import { AimError } from '../../contracts/errors.js'
import type { Hub } from '../../ports/hub.js'
import type { WeightStore } from '../../ports/weight-store.js'
import type { Refetch } from './repair-blob.js'

/** Brings a file as any download does, from wherever the store's policy says, against the hub's own list of the commit. */
export function refetchWith(hub: Hub, weights: () => Pick<WeightStore, 'ensure'>): Refetch {
  return async (repo, commit, path, signal) => {
    const model = await hub.pin(repo, commit, signal)
    const file = model.files.find((each) => each.path === path)
    if (file === undefined) throw new AimError('NotFound', { what: `${path} in ${repo} at ${commit}` })
    await weights().ensure(model, [file], { ...(signal && { signal }) })
  }
}
