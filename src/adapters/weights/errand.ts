import type { PinnedModel } from '../../contracts/model.js'
import type { WeightSource, WholeFileSource } from '../../ports/weight-source.js'
import type { Layout } from './layout.js'
import type { ProgressCount } from './progress.js'
import type { HashThreads } from './transfer/hash-threads.js'
import type { Pace } from './transfer/pace.js'
import type { Pool } from './transfer/pool.js'
import type { RetryPolicy } from './transfer/retry.js'

/** What all downloads of one store share. */
export type Machinery = { pool: Pool; pace: Pace; hashes: HashThreads; retry: RetryPolicy; stallMs: number; durable: boolean }

/** All that bringing one file of a model needs. */
export type Errand = Machinery & {
  sources: WeightSource[]
  /** Tried when every source failed. */
  programs: WholeFileSource[]
  model: PinnedModel
  layout: Layout
  /** Folder of part files, journals and locks. */
  partials: string
  signal: AbortSignal
  progress: ProgressCount
}
