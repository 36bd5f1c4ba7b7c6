import { AimError } from '../../src/contracts/errors.js'
import type { PinnedModel } from '../../src/contracts/model.js'
import { keepLoadable } from '../../src/domain/weight-files.js'
import type { PlanPolicy } from '../../src/ports/plan-policy.js'

/**
 * A pinned model with those files that a backend can load and the operator consents to.
 * @throws AimError `PickleRefused` where nothing else is there
 */
export function withLoadableFiles(model: PinnedModel, policy: Pick<PlanPolicy, 'allowsPickle' | 'allowsRemoteCode'>): PinnedModel {
  const { repo } = model
  const { files, refused } = keepLoadable(model.files, { pickle: policy.allowsPickle(repo), code: policy.allowsRemoteCode(repo) })
  const [first, ...others] = refused.map(({ path }) => path)
  if (first === undefined) return { ...model, files }
  throw new AimError('PickleRefused', { model: repo, files: others.length === 0 ? first : `${first} and ${others.length} more` })
}
