import type { Claim, Lease, LeaseAnswer, NodeBook, Owner, Presence, Quarantine } from './lease.js'

/** What a refusal depends on besides the book. `gpus`: HIP indices that the node has. */
export type Standing = { presence: Presence; gpus: readonly number[] }

/** Without `runId`: whichever run of the workflow. */
type AnyRun = Pick<Owner, 'workflowId'> & Partial<Pick<Owner, 'runId'>>
type LeaseName = Pick<Lease, 'endpoint' | 'replica' | 'fence'>
type Granted = { book: NodeBook; answer: LeaseAnswer }

/** A new book. The clock at its start keeps fences growing from one life of a node to the next. */
export function newBook(nowMs: number): NodeBook {
  return { fence: nowMs, leases: [], quarantined: [], cordon: null, labels: {} }
}

/** A node's disk may remember more than a book that was lost. */
export const withFenceAbove = (book: NodeBook, fence: number): NodeBook => ({ ...book, fence: Math.max(book.fence, fence) })

/**
 * Reserves GPUs. The same owner that asks again for the same is answered the same, unless its replica has a newer lease by now: then it gets the
 * newest. A replica may reserve over its own older leases: which of them stays is decided by `bind` or `release`.
 */
export function grant(book: NodeBook, standing: Standing, claim: Claim, at: string): Granted {
  const known = book.leases.find((lease) => isRepeated(lease, claim))
  const isNewest = known !== undefined && !book.leases.some((lease) => isOfReplica(lease, claim) && lease.fence > known.fence)
  if (isNewest) return { book, answer: { outcome: 'granted', fence: known.fence } }
  const why = known === undefined ? refusal(book, standing, claim) : null
  if (why !== null) return { book, answer: { outcome: 'refused', why } }
  const fence = book.fence + 1
  const lease: Lease = { ...claim, gpus: claim.gpus.toSorted((a, b) => a - b), fence, state: 'reserved', grantedAt: at }
  const others = book.leases.filter((one) => one !== known)
  return { book: { ...book, fence, leases: [...others, lease] }, answer: { outcome: 'granted', fence } }
}

function refusal({ cordon, leases, quarantined }: NodeBook, { presence, gpus }: Standing, claim: Claim): string | null {
  if (presence !== 'ready') return presence === 'lost' ? 'the node is lost' : 'the node does not answer now'
  if (cordon !== null) return `the node is ${cordon.drain ? 'being drained' : 'cordoned'}: ${cordon.reason}`
  for (const gpu of claim.gpus) {
    if (!gpus.includes(gpu)) return `there is no GPU ${gpu}`
    const barred = quarantined.find((entry) => entry.gpu === gpu)
    if (barred !== undefined) return `GPU ${gpu} is in quarantine: ${barred.reason}`
    const holder = leases.find((lease) => lease.gpus.includes(gpu) && !isOfReplica(lease, claim))
    if (holder !== undefined) return `GPU ${gpu} is leased to ${nameOf(holder)}`
  }
  return null
}

/**
 * The lease is the endpoint's own now; what it served under before goes with that. What is reserved ends with its flow. One that is gone stays gone, unless its GPUs are told, and
 * nobody has them since: the endpoint knows better what it serves with than a book that was lost with a workflow.
 */
export function bind(book: NodeBook, { gpus, ...name }: LeaseName & { gpus?: readonly number[] | undefined }, at = ''): NodeBook {
  const known = book.leases.some((lease) => isNamed(lease, name))
  if (!known)
    return gpus === undefined || isOvertaken(book, name, gpus) ? book : bind(recover(book, [{ ...name, gpus: [...gpus] }], at), name)
  if (book.leases.some((lease) => isOfReplica(lease, name) && lease.state === 'bound' && lease.fence > name.fence))
    return release(book, name)
  const kept = book.leases.filter((lease) => !isOfReplica(lease, name) || isOfAnotherFlow(lease) || lease.fence >= name.fence)
  return { ...book, leases: kept.map((lease) => (isNamed(lease, name) ? { ...lease, state: 'bound' as const } : lease)) }
}

/** Somebody has one of the GPUs, or the replica has a newer lease. */
function isOvertaken({ leases }: NodeBook, name: LeaseName, gpus: readonly number[]): boolean {
  return leases.some((lease) => (isOfReplica(lease, name) ? lease.fence > name.fence : lease.gpus.some((gpu) => gpus.includes(gpu))))
}

/** One that is gone already is no error. */
export function release(book: NodeBook, name: LeaseName): NodeBook {
  return without(book, (lease) => isNamed(lease, name))
}

/** All that an endpoint has here, or only what is reserved for one flow of it. */
export function giveBack(book: NodeBook, { endpoint, owner }: { endpoint: string; owner?: Owner | undefined }): NodeBook {
  const goes = (lease: Lease) =>
    lease.endpoint === endpoint && (owner === undefined || (lease.state === 'reserved' && isSameOwner(lease.owner, owner)))
  return without(book, goes)
}

function without(book: NodeBook, goes: (lease: Lease) => boolean): NodeBook {
  return book.leases.some(goes) ? { ...book, leases: book.leases.filter((lease) => !goes(lease)) } : book
}

/** A book that was lost is written anew from what endpoints have on the node; one of them may have said so itself by now. */
export function recover(book: NodeBook, found: readonly Omit<Lease, 'state' | 'owner' | 'grantedAt'>[], at: string): NodeBook {
  const missing = found.filter((one) => !book.leases.some((lease) => isNamed(lease, one)))
  const leases = missing.map(({ endpoint, replica, gpus, fence }): Lease => {
    return {
      endpoint,
      replica,
      gpus,
      fence,
      state: 'bound',
      owner: { workflowId: ownFlowOf(endpoint), runId: '' },
      grantedAt: at,
    }
  })
  return withFenceAbove({ ...book, leases: [...book.leases, ...leases] }, Math.max(0, ...leases.map(({ fence }) => fence)))
}

/** The first reason stays: it says what began it. One that only a person may clear takes the place of one that a proof may. */
export function quarantine(book: NodeBook, entry: Quarantine): NodeBook {
  const known = book.quarantined.find(({ gpu }) => gpu === entry.gpu)
  if (known !== undefined && (known.freeBytes === undefined || entry.freeBytes !== undefined)) return book
  const others = book.quarantined.filter((other) => other !== known)
  return { ...book, quarantined: [...others, entry].toSorted((a, b) => a.gpu - b.gpu) }
}

/** `at`: only the quarantine that began then. */
export function clear(book: NodeBook, { gpu, at }: { gpu: number; at?: string | undefined }): NodeBook {
  const left = book.quarantined.filter((entry) => entry.gpu !== gpu || (at !== undefined && entry.at !== at))
  return left.length === book.quarantined.length ? book : { ...book, quarantined: left }
}

/** Labels that people set, over what the node says of itself. */
export function relabel(book: NodeBook, { set, remove }: { set: Record<string, string>; remove: readonly string[] }): NodeBook {
  const labels = Object.entries({ ...book.labels, ...set }).filter(([name]) => !remove.includes(name))
  return { ...book, labels: Object.fromEntries(labels) }
}

/** What is reserved for flows, one entry a flow. */
export function reservers({ leases }: NodeBook): Owner[] {
  const owners = leases.filter(({ state }) => state === 'reserved').map(({ owner }) => owner)
  return owners.filter((owner, index) => owners.findIndex((other) => isSameOwner(owner, other)) === index)
}

export function reservedFor({ leases }: Pick<NodeBook, 'leases'>, { workflowId, runId }: AnyRun): Lease[] {
  const isTheirs = ({ owner }: Lease) => owner.workflowId === workflowId && (runId === undefined || owner.runId === runId)
  return leases.filter((lease) => lease.state === 'reserved' && isTheirs(lease))
}

const nameOf = ({ endpoint, replica, state }: Lease): string =>
  `${endpoint}${replica === 0 ? '' : ` (replica ${replica})`}${state === 'reserved' ? ', which is being deployed' : ''}`

const isSameOwner = (a: Owner, b: Owner): boolean => a.workflowId === b.workflowId && a.runId === b.runId
const isOfReplica = (a: Pick<Lease, 'endpoint' | 'replica'>, b: Pick<Lease, 'endpoint' | 'replica'>): boolean =>
  a.endpoint === b.endpoint && a.replica === b.replica
/** The workflow that cares for the endpoint. */
const ownFlowOf = (endpoint: string): string => `endpoint/${endpoint}`
const isOfAnotherFlow = ({ state, owner, endpoint }: Lease): boolean => state === 'reserved' && owner.workflowId !== ownFlowOf(endpoint)
const isNamed = (lease: Lease, name: LeaseName): boolean => isOfReplica(lease, name) && lease.fence === name.fence

function isRepeated(lease: Lease, claim: Claim): boolean {
  const same = lease.state === 'reserved' && isOfReplica(lease, claim) && isSameOwner(lease.owner, claim.owner)
  return same && lease.gpus.length === claim.gpus.length && claim.gpus.every((gpu) => lease.gpus.includes(gpu))
}
