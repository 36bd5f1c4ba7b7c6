import type { PruneRequest, VerifyRequest } from '../../src/contracts/cache.js'
import { AimError } from '../../src/contracts/errors.js'
import type { ModelFile, PinnedModel, Weights } from '../../src/contracts/model.js'
import type { CacheContents } from '../../src/domain/cache/contents.js'
import type { CacheEvent } from '../../src/domain/cache/event.js'
import type { PruneReport } from '../../src/domain/cache/prune.js'
import type { VerifyReport } from '../../src/domain/cache/verify.js'
import type { CacheLedger } from '../../src/ports/cache-ledger.js'
import type { ModelCache } from '../../src/ports/model-cache.js'
import type { EnsureOptions, WeightStore } from '../../src/ports/weight-store.js'

/** In-memory stand-ins for what nodes keep, and for the network between them. */

/** All nodes of a test, and what came from outside: each file as often as it was fetched. */
export class FakeNetwork {
  readonly stores = new Map<string, NodeWeights>()
  readonly outside: { nodeId: string; path: string }[] = []
}

/** Weights of one node. What it lacks comes from the first peer that has it, else from outside. */
export class NodeWeights implements WeightStore {
  readonly held = new Set<string>()
  readonly discarded: string[] = []
  readonly asked: { paths: string[]; peers: string[]; endpoint: string | null | undefined }[] = []
  /** Runs before the files come; a test fails or holds the node up with it. */
  ensuring: ((paths: string[], signal?: AbortSignal) => Promise<void>) | null = null

  constructor(
    readonly nodeId: string,
    private readonly network: FakeNetwork,
  ) {
    network.stores.set(nodeId, this)
  }

  async find(model: Pick<PinnedModel, 'repo' | 'commit'>, files: ModelFile[]): Promise<Weights | null> {
    return files.every(({ path }) => this.held.has(path)) ? weightsOf(model, files, {}) : null
  }

  async ensure(model: PinnedModel, files: ModelFile[], { signal, peers = [], endpoint }: EnsureOptions): Promise<Weights> {
    const paths = files.map(({ path }) => path)
    this.asked.push({ paths, peers: peers.map(({ nodeId }) => nodeId), endpoint })
    await this.ensuring?.(paths, signal)
    const sources: Record<string, number> = {}
    for (const { path, size } of files.filter((file) => !this.held.has(file.path))) {
      const peer = peers.some(({ nodeId }) => this.network.stores.get(nodeId)?.held.has(path))
      if (!peer) this.network.outside.push({ nodeId: this.nodeId, path })
      const kind = peer ? 'peer' : 'hub'
      sources[kind] = (sources[kind] ?? 0) + size
      this.held.add(path)
    }
    return weightsOf(model, files, sources)
  }

  async discardPartial({ repo }: { repo: string }): Promise<void> {
    this.discarded.push(repo)
  }
}

function weightsOf({ repo, commit }: Pick<PinnedModel, 'repo' | 'commit'>, files: ModelFile[], sources: Record<string, number>): Weights {
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  const fetchedBytes = Object.values(sources).reduce((sum, size) => sum + size, 0)
  return { repo, commit, path: '/weights', bytes, fetchedBytes, sources, cache: fetchedBytes === 0 ? 'hit' : 'miss' }
}

export class FakeCache implements ModelCache {
  repositories: CacheContents['repositories'] = []
  readonly pruned: { request: PruneRequest; inUse: string[] }[] = []
  readonly verified: VerifyRequest[] = []
  bad: VerifyReport['bad'] = []
  failing: Error | null = null

  async contents(): Promise<CacheContents> {
    const { repositories } = this
    const kinds = { weights: 0, tokenizer: 0, config: 0, dataset: 0, metadata: 0 }
    return { repositories, kinds, bytes: 0, partialBytes: 0, volume: { freeBytes: 2 ** 39, totalBytes: 2 ** 40 }, unknown: [] }
  }

  async prune(request: PruneRequest, inUse: () => Promise<string[]>): Promise<PruneReport> {
    if (this.failing !== null) throw this.failing
    this.pruned.push({ request, inUse: await inUse() })
    const removed = { id: 'x', kind: 'revision', repo: 'org/old', commit: 'd'.repeat(40), bytes: 70, why: 'unused for 90 days' } as const
    return { dryRun: request.dryRun, removed: [removed], kept: [], freedBytes: 70, shortBytes: 0, bytes: 30 }
  }

  async verify(request: VerifyRequest): Promise<VerifyReport> {
    this.verified.push(request)
    return { checkedFiles: 2, checkedBytes: 100, skipped: [], bad: this.bad }
  }

  /** What `followedBranches` reads: a branch of a model with these files. */
  follows(repo: string, ref: string, commit: string, paths: string[] = ['model.gguf']): void {
    const files = paths.map((path) => ({ path, kind: 'weights' as const, bytes: 1, digest: null, verifiedAt: null, source: null }))
    const used = { lastUsedAt: new Date(0).toISOString(), uses: 0, usedBy: [], pinned: false }
    const revision = { commit, files, missing: [], bytes: 1, ownBytes: 1, ...used }
    this.repositories.push({
      type: 'model',
      repo,
      revisions: [revision],
      refs: { [ref]: commit },
      bytes: 1,
      unreferenced: [],
      pinned: false,
    })
  }
}

export class FakeLedger implements CacheLedger {
  readonly events: CacheEvent[] = []

  async append(event: CacheEvent): Promise<void> {
    this.events.push(event)
  }

  async read(): Promise<CacheEvent[]> {
    return this.events
  }

  follow(): () => Promise<CacheEvent[]> {
    return () => this.read()
  }
}

/** A model in shards of these sizes, with its configuration. */
export function shardedModel(repo: string, ref: string, sizes: number[], commit = 'a'.repeat(40)): PinnedModel {
  const shard = (size: number, index: number): ModelFile => fileOf(`model-${index}.safetensors`, size)
  return { repo, ref, commit, files: [fileOf('config.json', 1), ...sizes.map(shard)] }
}

const fileOf = (path: string, size: number): ModelFile => ({ path, size, digest: { kind: 'sha256', hex: 'b'.repeat(64) } })

export const diskFull = (): AimError => new AimError('DiskFull', { path: '/cache', needed: 2, free: 1 })
