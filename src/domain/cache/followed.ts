import type { WeightFormat } from '../recipe.js'
import type { CachedRepository, CachedRevision } from './contents.js'

/** A branch that a cache names, at the commit it had here, and what of it lies here. `file`: one GGUF file; of several, one entry each. */
export type FollowedBranch = { model: string; ref: string; commit: string; format: WeightFormat; file?: string }

/** Branches and tags of models whose weights lie here. What is cached by its commit alone is what it was asked for, for good. */
export function followedBranches(repositories: readonly CachedRepository[]): FollowedBranch[] {
  return repositories
    .filter(({ type, repo }) => type === 'model' && repo.includes('/'))
    .flatMap(({ repo, refs, revisions }) =>
      Object.entries(refs)
        .filter(([ref]) => !/^[0-9a-f]{40}$/.test(ref))
        .flatMap(([ref, commit]) => {
          const revision = revisions.find((each) => each.commit === commit)
          return revision === undefined ? [] : weightsIn(revision).map((weights) => ({ model: repo, ref, commit, ...weights }))
        }),
    )
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** Where the same branch is followed on several nodes, it is one thing to warm. */
export const keyOf = ({ model, ref, file }: Pick<FollowedBranch, 'model' | 'ref' | 'file'>): string =>
  `${model}@${ref}${file === undefined ? '' : `:${file}`}`

function weightsIn({ files }: CachedRevision): Pick<FollowedBranch, 'format' | 'file'>[] {
  const ggufs = files.filter(({ path }) => path.endsWith('.gguf')).map(({ path }) => ({ format: 'gguf' as const, file: path }))
  return files.some(({ path }) => path.endsWith('.safetensors')) ? [{ format: 'safetensors' }, ...ggufs] : ggufs
}
