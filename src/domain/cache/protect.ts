import { lastUse } from './build-contents.js'
import type { CacheScan, ScannedPartial, ScannedRepository, ScannedRevision } from './scan.js'
import { revisionKey, usersOf, type CacheUsage } from './usage.js'

/** What engines of this node were started with. `commit` null: some file of the repository, of whatever revision. */
export type InUse = { repo: string; commit: string | null }

/** What was touched so lately is somebody's who has just begun, in ms. */
export const FRESH_MS = 3_600_000
/** A download that nobody touched for so long is dead, in ms. */
export const DEAD_MS = 86_400_000

export const isDead = ({ live, changedAt }: ScannedPartial, now: number): boolean => !live && now - changedAt >= DEAD_MS

/** Why no policy may evict a revision; null: it may. */
export type Protection = (repository: ScannedRepository, revision: ScannedRevision) => string | null

export function protectionOf(scan: Pick<CacheScan, 'partials'>, usage: CacheUsage, inUse: readonly InUse[], now: number): Protection {
  const downloads = scan.partials.filter((partial) => !isDead(partial, now))
  return ({ repo }, revision) => {
    const { commit, changedAt } = revision
    const key = revisionKey(repo, commit)
    if (inUse.some((used) => used.repo === repo && (used.commit ?? commit) === commit)) return 'an engine of this node uses it'
    const [user, ...others] = usersOf(usage, key)
    if (user !== undefined)
      return `endpoint ${user}${others.length === 0 ? '' : ` and ${others.length} more`} may need it, now or for a rollback`
    if (usage.pins.has(key) || usage.pins.has(repo)) return 'it is pinned'
    if (downloads.some((partial) => partial.repo === repo && (partial.commit ?? commit) === commit)) return 'a download into it is not over'
    if (now - Math.max(lastUse(repo, revision, usage), changedAt) < FRESH_MS) return 'it was used within the last hour'
    return null
  }
}
