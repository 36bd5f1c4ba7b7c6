import type { Parallelism } from '../engine.js'
import { addPlace, type Places } from './eligible.js'
import type { Kind, Pool, Share, Slot } from './inventory.js'

/** What an engine needs of GPUs of one kind: `groups` of `tensor` GPUs each, with so many bytes free on every one. */
export type GpuNeed = { tensor: number; groups: number; freeBytes: number }

/** `nodes` and `cached` are 1 at the index of a node that may be taken, and of one that has the weights. */
export type Ground = { kind: Kind; nodes: Uint8Array; cached: Uint8Array }

/** A node that has what is needed. A smaller rank is better; `cached`: the weights lie there. */
export type Spot = { node: number; rank: number; cached: boolean }

/** What a node can be short of, in the order in which it is looked at. */
export type Lack = 'count' | 'health' | 'quarantine' | 'lease' | 'idle' | 'memory' | 'hive'

/** Nodes that are short of something, and how many GPUs the best of them has. */
export type Refusal = { lack: Lack; places: Places; most: number }

/** Where a need can be met best, whether those GPUs are linked (null: fewer than two, or unknown), and whether other nodes lack something. */
export type Placing = { best: Spot | null; linked: boolean | null; refuses: boolean }

/** A tensor-parallel group stays inside one hive; pipeline stages and replicas may be apart. Commands that say nothing are one group. */
export function gpuNeed({ tensor, pipeline, data }: Parallelism, count: number, freeBytes: number): GpuNeed {
  const groups = tensor * pipeline * data === count ? pipeline * data : 1
  return { tensor: count / groups, groups, freeBytes }
}

/**
 * Names a need among those of the same kind of GPU: what differs only by an amount of memory that no GPU has free finds the same places.
 * Counts are below 1,000.
 */
export function needKey({ tensor, groups, freeBytes }: GpuNeed, { levels }: Kind): number {
  let [low, high] = [0, levels.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((levels[middle] ?? 0) < freeBytes) low = middle + 1
    else high = middle
  }
  return (low * 1_000 + tensor) * 1_000 + groups
}

/** Looks at every node once and keeps the best. */
export function place(need: GpuNeed, ground: Ground): Placing {
  let best: Share | null = null
  let least = Number.POSITIVE_INFINITY
  let refuses = false
  for (const share of ground.kind.shares) {
    if (ground.nodes[share.node] === 0) continue
    if (lackOf(share, need) !== null) {
      refuses = true
      continue
    }
    const rank = rankOf(share, need, ground)
    if (rank >= least) continue
    best = share
    least = rank
  }
  if (best === null) return { best, linked: null, refuses }
  return { best: spotAt(best.node, least, ground), linked: isLinked(tightest(best.pools, need), need), refuses }
}

/** What each node lacks on which a need cannot be met: looked at again where it is told. */
export function refusalsOf(need: GpuNeed, ground: Ground): Refusal[] {
  const refused: Refusal[] = []
  for (const share of ground.kind.shares) {
    const lack = ground.nodes[share.node] === 0 ? null : lackOf(share, need)
    if (lack !== null) refuse(refused, lack, share, need)
  }
  return refused
}

/** The best few, in order: for the recipes that matter most. */
export function bestSpots(need: GpuNeed, ground: Ground, most: number): Spot[] {
  const spots: Spot[] = []
  for (const share of ground.kind.shares) {
    if (ground.nodes[share.node] === 0 || lackOf(share, need) !== null) continue
    spots.push(spotAt(share.node, rankOf(share, need, ground), ground))
  }
  return spots.toSorted((a, b) => a.rank - b.rank || a.node - b.node).slice(0, most)
}

/** HIP indices of the GPUs to take on a node, group by group, and whether all are in one hive; null: fewer than two, or unknown. */
export function takeGpus(need: GpuNeed, { shares }: Kind, node: number): { gpus: number[]; linked: boolean | null } {
  const pools = shares.find((share) => share.node === node)?.pools ?? []
  const count = need.tensor * need.groups
  const one = tightest(pools, need)
  const linked = isLinked(one, need)
  if (one !== null) return { gpus: indices(one, need, count), linked }
  let left = need.groups
  const gpus: number[] = []
  for (const pool of pools) {
    const groups = Math.min(left, Math.floor(fits(pool, need.freeBytes) / need.tensor))
    gpus.push(...indices(pool, need, groups * need.tensor))
    left -= groups
  }
  return { gpus, linked }
}

/** `pool` holds all groups; null: they are spread over several. */
function isLinked(pool: Pool | null, { tensor, groups }: GpuNeed): boolean | null {
  if (pool === null) return false
  return tensor * groups < 2 || pool.hive === null ? null : true
}

/** The first rule that the GPUs of a node break; null: what is needed can be taken. */
function lackOf({ pools, all, healthy, cleared, unleased, idle }: Share, { tensor, groups, freeBytes }: GpuNeed): Lack | null {
  const count = tensor * groups
  if (all < count) return 'count'
  if (healthy < count) return 'health'
  if (cleared < count) return 'quarantine'
  if (unleased < count) return 'lease'
  if (idle < count) return 'idle'
  let fit = 0
  let whole = 0
  for (const pool of pools) {
    const here = fits(pool, freeBytes)
    fit += here
    whole += Math.floor(here / tensor)
  }
  if (fit < count) return 'memory'
  return whole < groups ? 'hive' : null
}

function refuse(refused: Refusal[], lack: Lack, share: Share, need: GpuNeed): void {
  let refusal = refused.find((entry) => entry.lack === lack)
  if (refusal === undefined) {
    refusal = { lack, places: { nodes: [], count: 0 }, most: 0 }
    refused.push(refusal)
  }
  addPlace(refusal.places, share.node)
  refusal.most = Math.max(refusal.most, has(lack, share, need))
}

/** How many GPUs the node has of what it is short of. */
function has(lack: Lack, { pools, all, healthy, cleared, unleased, idle }: Share, { freeBytes }: GpuNeed): number {
  if (lack === 'count') return all
  if (lack === 'health') return healthy
  if (lack === 'quarantine') return cleared
  if (lack === 'lease') return unleased
  if (lack === 'idle') return idle
  let [together, most] = [0, 0]
  for (const pool of pools) {
    const here = fits(pool, freeBytes)
    together += here
    most = Math.max(most, here)
  }
  return lack === 'memory' ? together : most
}

/**
 * One number for: the place of the engine that serves now (moving it would gain nothing), then weights that lie there, then the least memory
 * left over on the GPUs taken, then the fewest GPUs that would still fit beside them. Equal ranks go by the name of the node.
 */
function rankOf({ node, pools }: Share, need: GpuNeed, { cached }: Ground): number {
  const pool = tightest(pools, need) ?? pools[0]
  const count = need.tensor * need.groups
  let own = true
  let slack = 0
  let taken = 0
  for (const slot of pool?.slots ?? []) {
    if (taken === count) break
    if (!suits(slot, need.freeBytes)) continue
    own &&= slot.own
    slack += slot.freeGiB
    taken += 1
  }
  let left = -count
  for (const other of pools) left += fits(other, need.freeBytes)
  const far = own ? 0 : cached[node] === 1 ? 1 : 2
  return far * DISTANCE + slack * 1e3 + left
}

/** What outweighs any amount of memory left over. */
const DISTANCE = 1e9

const spotAt = (node: number, rank: number, { cached }: Ground): Spot => ({ node, rank, cached: cached[node] === 1 })

/** The smallest hive that holds all groups, so that larger ones stay whole; null: they must be spread over several. */
function tightest(pools: Pool[], { tensor, groups, freeBytes }: GpuNeed): Pool | null {
  let best: Pool | null = null
  let least = Number.POSITIVE_INFINITY
  for (const pool of pools) {
    const here = fits(pool, freeBytes)
    const size = pool.slots[0]?.own === true ? 0 : here
    if (here < tensor * groups || size >= least) continue
    best = pool
    least = size
  }
  return best
}

/** Most hives are all idle or all in use: then nobody needs to count. */
function fits({ usable, leastFree, mostFree }: Pool, freeBytes: number): number {
  if (freeBytes <= leastFree) return usable.length
  if (freeBytes > mostFree) return 0
  let count = 0
  for (const free of usable) if (free >= freeBytes) count += 1
  return count
}

const suits = (slot: Slot, freeBytes: number): boolean => slot.state === 'usable' && slot.free >= freeBytes

function indices({ slots }: Pool, { freeBytes }: GpuNeed, count: number): number[] {
  const suitable = slots.filter((slot) => suits(slot, freeBytes)).slice(0, count)
  return suitable.map(({ index }) => index).toSorted((a, b) => a - b)
}
