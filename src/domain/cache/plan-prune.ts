import { openAccount } from './account.js'
import {
  keep,
  leftovers,
  remove,
  revisionsIn,
  type Candidate,
  type Facts,
  type PlannedRemoval,
  type RevisionCandidate,
} from './candidates.js'
import type { CachePolicy } from './policy.js'
import { bytesOver, inOrder, unwanted, usefulTo, wordsOf } from './pressure.js'
import type { Kept } from './prune.js'
import type { StoredFile } from './scan.js'

/** `only`: exactly these, by id. */
export type PruneInput = Facts & { policy: CachePolicy; only?: readonly string[] | undefined }

/** What to remove, in this order. The same facts give the same plan: ties break by name. */
export type PrunePlan = { removals: PlannedRemoval[]; kept: Kept[]; freedBytes: number; shortBytes: number }

/** Plans a cleanup: leftovers first, then what the policy names, then what pressure asks for. */
export function planPrune(input: PruneInput): PrunePlan {
  const plan = planByPolicy(input)
  return input.only === undefined ? plan : listedOnly(input, plan, input.only)
}

/** Bytes that would come free if everything went that may. */
export function evictableBytes(facts: Facts): number {
  const account = openAccount(facts.scan)
  const all: Candidate[] = [...leftovers(facts), ...revisionsIn(facts)]
  return total(all.filter(({ protection }) => protection === null).map((each) => remove(account, each)))
}

function planByPolicy(input: PruneInput): PrunePlan {
  const { scan, policy } = input
  const account = openAccount(scan)
  const revisions = revisionsIn(input)
  const removals = leftovers(input).map((each) => remove(account, each))
  const [taken, kept] = [new Set<string>(), new Map<string, Kept>()]

  function take(revision: RevisionCandidate, why: string): void {
    if (taken.has(revision.id)) return
    if (revision.protection !== null) return void kept.set(revision.id, keep(revision, `${revision.protection} (${why})`))
    taken.add(revision.id)
    removals.push(remove(account, { ...revision, why }))
  }

  for (const { revision, why } of unwanted(revisions, policy, input.now)) take(revision, why)
  const target = bytesOver(policy, scan, total(removals))
  const isUseful = usefulTo(scan, revisions)
  for (const revision of inOrder(revisions, policy.order)) {
    if (total(removals) >= target) break
    if (revision.protection !== null || isUseful(revision)) take(revision, wordsOf(policy))
  }
  const needed = removals.filter(({ bytes, why, target }) => bytes > 0 || why !== wordsOf(policy) || filesOf(target).some(account.isGone))
  const freedBytes = total(needed)
  return { removals: needed, kept: [...kept.values()], freedBytes, shortBytes: Math.max(0, target - freedBytes) }
}

function listedOnly(input: PruneInput, plan: PrunePlan, only: readonly string[]): PrunePlan {
  const account = openAccount(input.scan)
  const reasons = new Map(plan.removals.map(({ id, why }) => [id, why]))
  const revisions = new Map(revisionsIn(input).map((revision) => [revision.id, revision]))
  const others = new Map(leftovers(input).map((each) => [each.id, each]))
  const removals: PlannedRemoval[] = []
  const kept: Kept[] = []
  for (const id of new Set(only)) {
    const revision = revisions.get(id)
    const known = revision ?? others.get(id)
    if (revision !== undefined && revision.protection !== null) kept.push(keep(revision, revision.protection))
    else if (known !== undefined) removals.push(remove(account, { ...known, why: reasons.get(id) ?? 'it was listed' }))
    else kept.push({ id, repo: id.split(/[@#]/)[0] ?? id, commit: null, bytes: 0, why: 'it is not there any more, or in use again' })
  }
  const freedBytes = total(removals)
  return { removals, kept, freedBytes, shortBytes: Math.max(0, plan.freedBytes + plan.shortBytes - freedBytes) }
}

function filesOf(target: PlannedRemoval['target']): StoredFile[] {
  return target.kind === 'revision' ? target.revision.files.flatMap(({ file }) => file ?? []) : []
}

function total(removals: readonly { bytes: number }[]): number {
  return removals.reduce((sum, { bytes }) => sum + bytes, 0)
}
