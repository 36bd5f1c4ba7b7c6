import { holdMemory } from '../gpu-use.js'
import type { Card } from '../hardware.js'
import type { Gpu, NodeInspection } from '../node.js'
import { cutOf, type Cut } from './cut.js'
import type { Current } from './plan-input.js'
import { compare } from './text.js'
import { addUnknown, noUnknownGpus, type UnknownGpus } from './unknown-gpus.js'
import { MEMORY_FACTOR } from './weights.js'

/** GPUs whose totals are nearest to the same multiple of this are of one kind: drivers reserve a little more here and there. */
const TOTAL_STEP = 2 ** 28

/** A GPU as placement sees it. `freeGiB` is rounded down, so that idle GPUs are equal and the lowest index decides. */
export type Slot = { index: number; free: number; freeGiB: number; own: boolean; state: SlotState }
type SlotState = 'usable' | 'unhealthy' | 'quarantined' | 'leased' | 'busy'

/** GPUs of one node that are alike and reach each other in the same way; those that a new engine should take first come first. */
export type Pool = {
  hive: string | null
  slots: Slot[]
  /** Memory that is free on each slot that can be used at all, and the least and the most of it. */
  usable: number[]
  leastFree: number
  mostFree: number
}

/** All GPUs of one kind on a node, and how many pass each rule that does not depend on the recipe. */
export type Share = { node: number; pools: Pool[]; all: number; healthy: number; cleared: number; unleased: number; idle: number }

/**
 * GPUs that are alike on all nodes: one card, cut in one way. Memory is fitted once for each kind. `shares` are in the order of nodes, `levels`
 * are the amounts of memory that are free on usable GPUs, ascending: needs between two of them find the same places.
 */
export type Kind = {
  card: string
  facts: Card
  mode: string | null
  parts: number
  totalBytes: number
  shares: Share[]
  levels: Float64Array
}

/** `nodes` in the order of their names; a pool's `node` is an index into it. */
export type Inventory = { nodes: NodeInspection[]; kinds: Map<string, Kind[]>; freeUnknown: boolean; unknownGpus: UnknownGpus }

/** Groups all GPUs once for a plan. Those that the hardware table does not have are only counted. */
export function takeInventory(inspected: NodeInspection[], hardware: readonly Card[], current: Current | null): Inventory {
  const nodes = inspected.toSorted((a, b) => compare(a.nodeId, b.nodeId)).map((node) => withCredit(node, current))
  const cards = new Map(hardware.map((card) => [card.name, card]))
  const kinds = new Map<string, Kind[]>()
  const unknownGpus = noUnknownGpus()
  let freeUnknown = false
  for (const [node, { nodeId, gpus }] of nodes.entries()) {
    const own = current?.node === nodeId ? current.gpus : []
    for (const gpu of gpus) {
      const facts = cards.get(gpu.model ?? '')
      if (facts === undefined) {
        addUnknown(unknownGpus, nodeId, gpu)
        continue
      }
      freeUnknown ||= gpu.vramFreeBytes === null
      addSlot(
        shareOf(kindOf(kinds, facts, gpu.vramTotalBytes, cutOf(gpu, gpus, facts)), node),
        gpu.hive,
        slotOf(gpu, own.includes(gpu.index)),
      )
    }
  }
  for (const same of kinds.values()) {
    for (const kind of same) complete(kind)
    same.sort((a, b) => a.parts - b.parts || compare(a.mode ?? '', b.mode ?? '') || b.totalBytes - a.totalBytes)
  }
  return { nodes, kinds, freeUnknown, unknownGpus }
}

function kindOf(kinds: Map<string, Kind[]>, facts: Card, vramTotalBytes: number, { mode, parts }: Cut): Kind {
  const step = Math.round(vramTotalBytes / TOTAL_STEP)
  const same = kinds.get(facts.name) ?? []
  if (same.length === 0) kinds.set(facts.name, same)
  const known = same.find((kind) => kind.parts === parts && kind.mode === mode && Math.round(kind.totalBytes / TOTAL_STEP) === step)
  if (known !== undefined) {
    known.totalBytes = Math.min(known.totalBytes, vramTotalBytes)
    return known
  }
  const kind = { card: facts.name, facts, mode, parts, totalBytes: vramTotalBytes, shares: [], levels: new Float64Array() }
  same.push(kind)
  return kind
}

/** Nodes come one after the other, so that only the last share can be this node's. */
function shareOf({ shares }: Kind, node: number): Share {
  const last = shares.at(-1)
  if (last?.node === node) return last
  const share = { node, pools: [], all: 0, healthy: 0, cleared: 0, unleased: 0, idle: 0 }
  shares.push(share)
  return share
}

function addSlot(share: Share, hive: string | null, slot: Slot): void {
  share.all += 1
  const passed = RULES_PASSED[slot.state]
  if (passed > 0) share.healthy += 1
  if (passed > 1) share.cleared += 1
  if (passed > 2) share.unleased += 1
  if (passed > 3) share.idle += 1
  const pool = share.pools.find((entry) => entry.hive === hive)
  const here = pool ?? { hive, slots: [], usable: [], leastFree: Number.POSITIVE_INFINITY, mostFree: 0 }
  if (pool === undefined) share.pools.push(here)
  here.slots.push(slot)
  if (slot.state !== 'usable') return
  here.usable.push(slot.free)
  here.leastFree = Math.min(here.leastFree, slot.free)
  here.mostFree = Math.max(here.mostFree, slot.free)
}

/** How many of the rules that are counted a GPU passes, in their order: health, quarantine, lease, other processes. */
const RULES_PASSED: Record<SlotState, number> = { unhealthy: 0, quarantined: 1, leased: 2, busy: 3, usable: 4 }

function slotOf(gpu: Gpu, own: boolean): Slot {
  const free = own ? gpu.vramTotalBytes : (gpu.vramFreeBytes ?? gpu.vramTotalBytes)
  const state = stateOf(gpu, own)
  return { index: gpu.index, free, freeGiB: Math.floor(free / 2 ** 30), own, state }
}

/** A quarantine holds for everybody. */
function stateOf(gpu: Gpu, own: boolean): SlotState {
  if ((gpu.health.eccUncorrectable ?? 0) > 0) return 'unhealthy'
  if (gpu.withheld?.by === 'quarantine') return 'quarantined'
  if (own) return 'usable'
  return gpu.withheld === undefined ? (holdMemory(gpu) ? 'busy' : 'usable') : 'leased'
}

/** By hive, whatever order the driver lists its GPUs in. Inside: the endpoint's own, then the fullest, so that gaps stay, then the lowest. */
function complete(kind: Kind): void {
  const free: number[] = []
  for (const { pools } of kind.shares) {
    pools.sort((a, b) => compare(a.hive ?? '', b.hive ?? ''))
    for (const { slots, usable } of pools) {
      slots.sort((a, b) => Number(b.own) - Number(a.own) || a.freeGiB - b.freeGiB || a.index - b.index)
      free.push(...usable)
    }
  }
  kind.levels = Float64Array.from(free).toSorted()
}

/** An engine on the processor makes way too. */
function withCredit(node: NodeInspection, current: Current | null): NodeInspection {
  if (current?.node !== node.nodeId || current.gpus.length > 0) return node
  return { ...node, memoryFreeBytes: node.memoryFreeBytes + current.weightBytes * MEMORY_FACTOR }
}
