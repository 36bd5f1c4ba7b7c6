import type { VerifyRequest } from '../../src/contracts/cache.js'
import type { PruneSummary, VerifySummary } from '../../src/contracts/cache-flows.js'
import type { ModelFile } from '../../src/contracts/model.js'
import { followedBranches, type FollowedBranch } from '../../src/domain/cache/followed.js'
import type { CachePolicy } from '../../src/domain/cache/policy.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import type { ModelCache } from '../../src/ports/model-cache.js'
import type { WeightStore } from '../../src/ports/weight-store.js'
import { beating } from '../beat.js'
import type { ModelPin } from './machine.js'
import { pruneSummary, verifySummary } from './cache-summaries.js'
import { weightsInUse } from './engines-in-use.js'

type Ports = { weights: WeightStore; cache: ModelCache; cachePolicy: CachePolicy; launcher: EngineLauncher }

/** A result stays small, however many repositories a cache holds. */
const MOST_BRANCHES = 1_000

/** What a flow asks of a node's cache. Answers are summaries: rows of a cache do not belong into a history. */
export function cacheActivities({ weights, cache, cachePolicy, launcher }: Ports) {
  return {
    /** Paths of those files that are not on this node, whole. */
    missingFiles: ({ model, files }: { model: ModelPin; files: ModelFile[] }): Promise<string[]> =>
      beating(2_000, async (signal) => {
        const missing: string[] = []
        if ((await weights.find(model, files)) !== null) return missing
        for (const file of files) {
          signal.throwIfAborted()
          if ((await weights.find(model, [file])) === null) missing.push(file.path)
        }
        return missing
      }),

    /** Branches that this cache names, with what of them lies here; `more` were left out. */
    followedBranches: (): Promise<{ branches: FollowedBranch[]; more: number }> =>
      beating(2_000, async () => {
        const branches = followedBranches((await cache.contents()).repositories)
        return { branches: branches.slice(0, MOST_BRANCHES), more: Math.max(0, branches.length - MOST_BRANCHES) }
      }),

    /** Evicts by this policy, else by the node's own. What an engine was started with stays, also when it has ended: it may be started again. */
    pruneCache: ({ policy }: { policy?: CachePolicy | undefined }): Promise<PruneSummary> =>
      beating(2_000, async () =>
        pruneSummary(await cache.prune({ policy: policy ?? cachePolicy, dryRun: false }, () => weightsInUse(launcher))),
      ),

    verifyCache: (request: VerifyRequest): Promise<VerifySummary> =>
      beating(1_000, async (signal, note) => verifySummary(await cache.verify(request, { signal, onProgress: note }))),
  }
}
