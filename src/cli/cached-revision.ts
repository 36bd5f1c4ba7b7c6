import { CachedName } from '../contracts/cache.js'
import { AimError } from '../contracts/errors.js'
import type { CacheContents, CachedRepository } from '../domain/cache/contents.js'
import { nearNames } from '../domain/near-names.js'

/** What `MODEL` or `MODEL@REVISION` names: a commit, the beginning of one, or a branch that is known here. `commit` null: all of them. */
export type CachedTarget = { repository: CachedRepository; commit: string | null }

/** @throws AimError `InvalidInput` for what is no name, `NotFound` naming those that are near */
export function findCached(contents: CacheContents, text: string): CachedTarget {
  const [name = '', revision] = text.split('@')
  const checked = CachedName.safeParse(name)
  if (!checked.success) throw new AimError('InvalidInput', { field: 'MODEL', rule: checked.error.issues[0]?.message ?? 'is not valid' })
  const repository = contents.repositories.find(({ repo }) => repo.toLowerCase() === name.toLowerCase())
  if (repository === undefined) {
    const near = nearNames(
      name,
      contents.repositories.map(({ repo }) => repo),
    )
    throw notCached(name, near.length === 0 ? '' : `; the nearest are ${near.join(', ')}`)
  }
  return { repository, commit: revision === undefined ? null : commitOf(repository, revision) }
}

function commitOf({ repo, refs, revisions }: CachedRepository, text: string): string {
  const named = Object.hasOwn(refs, text) ? refs[text] : undefined
  const found = revisions.map(({ commit }) => commit).filter((commit) => commit === named || (text.length >= 4 && commit.startsWith(text)))
  const [commit, ...others] = found
  if (commit !== undefined && others.length === 0) return commit
  throw notCached(
    `${repo}@${text}`,
    `; there ${revisions.length === 1 ? 'is' : 'are'} ${revisions.map((each) => each.commit.slice(0, 12)).join(', ')}`,
  )
}

function notCached(what: string, more: string): AimError {
  return new AimError('NotCached', { what, more })
}
