import type { ModelFile, PinnedModel, TransferProgress, Weights } from '../contracts/model.js'
import type { Peer } from './weight-source.js'

export type EnsureOptions = {
  signal?: AbortSignal
  onProgress?: (progress: TransferProgress) => void
  /** Nodes that may hold the files: asked first where the policy says so. */
  peers?: Peer[]
  /** Who will serve them; null or absent: they are warmed ahead. */
  endpoint?: string | null
}

/** The weights on this node, in the standard HF_HOME layout. Disk is its only truth. */
export interface WeightStore {
  /** Snapshot of these files when every one is on this disk, whole; else null. No network. */
  find(model: Pick<PinnedModel, 'repo' | 'commit'>, files: ModelFile[]): Promise<Weights | null>
  /** Brings these files here, verified, resuming what an earlier call left; returns their snapshot. Safe to repeat. */
  ensure(model: PinnedModel, files: ModelFile[], options: EnsureOptions): Promise<Weights>
  /** Removes what an abandoned download of this model left half-written. Published files stay. Safe to repeat. */
  discardPartial(model: Pick<PinnedModel, 'repo' | 'commit'>): Promise<void>
}
