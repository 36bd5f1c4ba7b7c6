import { join } from 'node:path'
import type { PruneRequest } from '../../contracts/cache.js'
import type { CacheEvent } from '../../domain/cache/event.js'
import type { Facts, PlannedRemoval } from '../../domain/cache/candidates.js'
import { planPrune } from '../../domain/cache/plan-prune.js'
import { heldBytes } from '../../domain/cache/pressure.js'
import { FRESH_MS, protectionOf, type InUse } from '../../domain/cache/protect.js'
import type { Kept, PruneReport, Removal } from '../../domain/cache/prune.js'
import { foldEvents } from '../../domain/cache/usage.js'
import type { CacheLedger } from '../../ports/cache-ledger.js'
import { removeIfEmpty, storageFailure } from '../weights/disk.js'
import { removeRemains } from '../weights/owned-files.js'
import { lockRevision } from '../weights/revision-lock.js'
import type { CachePlaces } from './places.js'
import { changedSince, removeBlob } from './remove-blob.js'
import { removePartial } from './remove-partial.js'
import { removeRevision, tidyRepository } from './remove-revision.js'
import { factsBelow } from './scan-partials.js'
import { sweepPayload } from './sweep-payload.js'

/** `events` and `inUse` are asked anew before each eviction: a cleanup takes minutes. */
type Pruner = {
  places: CachePlaces
  ledger: CacheLedger
  facts: Facts
  events: () => Promise<CacheEvent[]>
  inUse: () => Promise<InUse[]>
}
type Outcome = { removed: Removal | null; kept: Kept[]; digests: string[] }

/** Removes what the plan says, one thing after the other, each looked at once more before. @throws AimError `CacheUnwritable` */
export async function pruneCache(pruner: Pruner, { policy, dryRun, only }: PruneRequest): Promise<PruneReport> {
  const { facts, places, ledger } = pruner
  const held = heldBytes(facts.scan)
  const plan = planPrune({ ...facts, policy, only })
  const removed: Removal[] = []
  const kept: Kept[] = [...plan.kept]
  for (const planned of plan.removals) {
    const outcome = dryRun ? { removed: withoutTarget(planned), kept: [], digests: [] } : await carryOut(pruner, planned)
    kept.push(...outcome.kept)
    if (outcome.removed === null) continue
    removed.push(outcome.removed)
    if (!dryRun && planned.kind !== 'partial') await ledger.append(eventOf(outcome.removed, outcome.digests))
  }
  if (!dryRun) await tidy(places, facts)
  const freedBytes = removed.reduce((sum, { bytes }) => sum + bytes, 0)
  const shortBytes = plan.shortBytes + (plan.shortBytes > 0 ? plan.freedBytes - freedBytes : 0)
  return { dryRun, removed, kept, freedBytes, shortBytes, bytes: held - freedBytes }
}

/**
 * What cleanups and downloads that were killed left, which holds nothing. A young folder may be one that somebody begins to fill, and where there
 * is anything that we do not understand all stays. What may not be removed does no harm.
 */
async function tidy({ hubCache, partials }: CachePlaces, { scan, now }: Facts): Promise<void> {
  await removeRemains(partials).catch(() => {})
  await removeIfEmpty(partials)
  for (const { folder, revisions, blobs, refs } of scan.repositories) {
    const root = join(hubCache, folder)
    const isHollow = revisions.length + blobs.length + Object.keys(refs).length === 0
    const isStrange = scan.unknown.some(({ path }) => path.startsWith(`${root}/`))
    if (!isHollow || isStrange || factsBelow(root).some(({ mtimeMs }) => now - mtimeMs < FRESH_MS)) continue
    await tidyRepository(root).catch(() => {})
  }
}

async function carryOut(pruner: Pruner, planned: PlannedRemoval): Promise<Outcome> {
  const { id, repo, commit, target } = planned
  try {
    if (target.kind === 'revision') return await evict(pruner, planned, target)
    const why = await removeLeftover(pruner.places, target)
    if (why !== null) return { removed: null, kept: [{ id, repo, commit, bytes: planned.bytes, why }], digests: [] }
    return { removed: withoutTarget(planned), kept: [], digests: target.kind === 'blob' ? [target.blob.name] : [] }
  } catch (error) {
    throw await storageFailure(error, pruner.places.hubCache, 0)
  }
}

async function evict(pruner: Pruner, planned: PlannedRemoval, target: RevisionTarget): Promise<Outcome> {
  const { id, repo, bytes } = planned
  const { commit } = target.revision
  const lock = await lockRevision(pruner.places.partials, { repo, commit })
  if (typeof lock === 'string') return { removed: null, kept: [{ id, repo, commit, bytes, why: lock }], digests: [] }
  try {
    return await evictLocked(pruner, planned, target)
  } finally {
    await lock.release()
  }
}

/** Looks once more: somebody may have asked for it, or started an engine with it, since the cleanup began. */
async function evictLocked(pruner: Pruner, planned: PlannedRemoval, { repository, revision }: RevisionTarget): Promise<Outcome> {
  const { places, facts } = pruner
  const { id, repo, commit } = planned
  const protection = protectionOf(facts.scan, foldEvents(await pruner.events()), await pruner.inUse(), facts.now)(repository, revision)
  const changed = changedSince(join(places.hubCache, repository.folder, 'snapshots', revision.commit), revision.changedAt)
  const why = protection ?? (changed ? 'it was changed meanwhile' : null)
  if (why !== null) return { removed: null, kept: [{ id, repo, commit, bytes: planned.bytes, why }], digests: [] }
  const { gone, left } = await removeRevision(places, repository, revision)
  const leftBytes = left.reduce((sum, { blob }) => sum + blob.file.bytes, 0)
  return {
    removed: { ...withoutTarget(planned), bytes: Math.max(0, planned.bytes - leftBytes) },
    kept: left.map(({ blob, why }) => ({ id: `${repo}#${blob.name}`, repo, commit: null, bytes: blob.file.bytes, why })),
    digests: gone,
  }
}

type RevisionTarget = Extract<PlannedRemoval['target'], { kind: 'revision' }>

async function removeLeftover(places: CachePlaces, target: Exclude<PlannedRemoval['target'], RevisionTarget>): Promise<string | null> {
  switch (target.kind) {
    case 'partial':
      return removePartial(places, target.partial)
    case 'payload':
      return sweepPayload(places.hubCache, target.payload.hash)
    case 'blob': {
      const { folder } = target.repository
      const why = await removeBlob(places, folder, target.blob)
      await tidyRepository(join(places.hubCache, folder))
      return why
    }
  }
}

function withoutTarget({ target: _target, ...removal }: PlannedRemoval): Removal {
  return removal
}

function eventOf({ repo, commit, bytes, why }: Removal, digests: string[]): CacheEvent {
  return { kind: 'evicted', at: new Date().toISOString(), repo, commit, bytes, digests, reason: why }
}
