import { defineQuery, defineSignal, defineUpdate, setCurrentDetails, setHandler } from '@temporalio/workflow'
import type { z } from 'zod'
import {
  ArrivalInput,
  ClaimInput,
  ClearInput,
  CordonInput,
  ForgetInput,
  GiveBackInput,
  LabelInput,
  BindingInput,
  LeaseNameInput,
  QuarantineInput,
  RegistrationInput,
  type NodeState,
} from '../src/contracts/manage-node.js'
import { BIND_SIGNAL, NODE_QUERY, NODE_UPDATES, RELEASE_SIGNAL, type NodeView, type Registered } from '../src/contracts/node-owner.js'
import { workflowIds } from '../src/contracts/workflow-ids.js'
import type { LeaseAnswer, NodeBook, StuckGpu } from '../src/domain/lease.js'
import { bind, clear, giveBack, grant, newBook, quarantine, recover, relabel, release, withFenceAbove } from '../src/domain/node-book.js'
import { control } from './activities.js'
import { failure, parseInput } from './input.js'
import { LeaseFollower } from './lease-follower.js'
import { tellHolders } from './node-news.js'
import { show } from './visibility.js'

/** A node that nobody has heard of yet. */
export function newNode(nowMs: number): NodeState {
  return {
    book: newBook(nowMs),
    presence: 'unknown',
    since: new Date(nowMs).toISOString(),
    identity: null,
    gpus: [],
    labels: {},
    simulated: false,
    graceSeconds: 60,
    turn: 0,
    attendedBy: null,
    unswept: false,
    unheard: [],
  }
}

/** One node's state and the messages that change it. Each may be repeated and changes nothing then. */
export class NodeOwner {
  updates = 0
  forgotten = false
  /** The last attendance in whose time the node was heard of. */
  heardTurn = 0
  /** News that is on its way: what is not sent when the run closes is never sent. */
  errands = 0
  /** Called when another process of the node has registered than the one that attends. */
  onReplaced: () => void = () => {}
  readonly follower: LeaseFollower
  private recovering: Promise<void> | null = null

  constructor(
    readonly nodeId: string,
    readonly state: NodeState,
  ) {
    this.follower = new LeaseFollower(this)
    setHandler(defineQuery<NodeView>(NODE_QUERY), () => this.view())
    setHandler(defineSignal<[unknown]>(BIND_SIGNAL), (name) =>
      this.onSignal(BindingInput, name, (book, what) => bind(book, what, now()), true),
    )
    setHandler(defineSignal<[unknown]>(RELEASE_SIGNAL), (name) => this.onSignal(LeaseNameInput, name, release))
    this.onUpdate(
      NODE_UPDATES.register,
      RegistrationInput,
      (asked) => this.register(asked),
      (asked) => this.refuseStranger(asked),
    )
    this.onUpdate(
      NODE_UPDATES.arrive,
      ArrivalInput,
      (asked) => this.arrive(asked),
      (asked) => this.refuseOverdue(asked),
    )
    this.onUpdate(NODE_UPDATES.lease, ClaimInput, (claim) => this.lease(claim))
    this.onUpdate(NODE_UPDATES.giveBack, GiveBackInput, (what) => this.keep(giveBack(this.book, what)))
    this.onUpdate(
      NODE_UPDATES.quarantine,
      QuarantineInput,
      (what) => this.keep(quarantine(this.book, { ...what, at: now() })),
      this.checkGpu,
    )
    this.onUpdate(NODE_UPDATES.clear, ClearInput, (what) => this.keep(clear(this.book, what)), this.checkGpu)
    this.onUpdate(NODE_UPDATES.cordon, CordonInput, (asked) => this.cordon(asked))
    this.onUpdate(NODE_UPDATES.uncordon, ForgetInput, () => {
      const drained = this.book.cordon?.drain ?? false
      this.keep({ ...this.book, cordon: null })
      if (drained) this.tell()
    })
    this.onUpdate(NODE_UPDATES.label, LabelInput, (change) => this.keep(relabel(this.book, change)))
    this.onUpdate(
      NODE_UPDATES.forget,
      ForgetInput,
      () => this.forget(),
      (asked) => this.refuseToForget(asked),
    )
  }

  get book(): NodeBook {
    return this.state.book
  }

  /** Whoever frees a lease, the node itself ends what still runs under it: a stop that was asked of it may have failed, or come too early. */
  keep(book: NodeBook): void {
    const before = this.state.book
    if (book === before) return
    this.state.unswept ||= before.leases.some(({ fence }) => !book.leases.some((lease) => lease.fence === fence))
    this.state.book = book
    this.publish()
  }

  /** GPUs whose memory did not come back with the end of what had no place there. */
  keepAway(stuck: readonly StuckGpu[]): void {
    const by = workflowIds.node(this.nodeId)
    for (const { gpu, why, freeBytes } of stuck) {
      this.keep(quarantine(this.book, { gpu, reason: why.slice(0, 500), by, at: now(), freeBytes }))
    }
  }

  /** What may go on running on the node. */
  get kept(): Registered {
    const { fence, leases } = this.book
    const names = leases.map(({ endpoint, replica, fence: own }) => ({ endpoint, replica, fence: own }))
    return { fence, leases: names, unheard: this.state.unheard }
  }

  /** What is there and whether it answers; whoever has a lease here hears of a change. */
  setPresence(presence: NodeState['presence']): void {
    if (this.state.presence === presence) return
    Object.assign(this.state, { presence, since: now() })
    this.tell()
    this.publish()
  }

  tell(): void {
    const { presence, identity, book } = this.state
    const drain = book.cordon?.drain ?? false
    this.errands += 1
    void tellHolders(book.leases, { nodeId: this.nodeId, presence, instance: identity?.instance ?? null, drain }).finally(() => {
      this.errands -= 1
    })
  }

  private onUpdate<Schema extends z.ZodType>(
    name: string,
    schema: Schema,
    answer: (input: z.output<Schema>) => unknown,
    check?: (input: z.output<Schema>) => void,
  ): void {
    const validator = (input: unknown) => {
      const asked = parseInput(schema, input)
      check?.(asked)
    }
    const handler = (input: unknown) => {
      this.updates += 1
      return answer(parseInput(schema, input))
    }
    setHandler(defineUpdate<unknown, [unknown]>(name), handler, { validator })
  }

  /** A signal that makes no sense has nobody to be told; it changes nothing. */
  private onSignal<Schema extends z.ZodType>(
    schema: Schema,
    input: unknown,
    change: (book: NodeBook, input: z.output<Schema>) => NodeBook,
    comes = false,
  ): void {
    this.updates += 1
    const read = schema.safeParse(input)
    if (!read.success) return
    this.keep(change(this.book, read.data))
    // Whoever has just come here missed what was told before.
    if (comes && (this.state.presence !== 'ready' || this.book.cordon?.drain)) this.tell()
  }

  /** A book that begins may have been lost with a workflow that was terminated: the endpoints know what they have here. */
  async recover(): Promise<void> {
    const { replicas, unheard } = await control.replicasOn({ nodeId: this.nodeId })
    const found = replicas.map(({ key: { endpoint, replica, fence }, spec: { gpus } }) => ({ endpoint, replica, fence, gpus }))
    this.keep(recover(this.book, found, now()))
    this.state.unheard = unheard
  }

  /** Once for all who register meanwhile; again when it failed. */
  private recoverOnce(): Promise<void> {
    this.recovering ??= this.recover().finally(() => (this.recovering = null))
    return this.recovering
  }

  private async register({ highestFence, turn, ...told }: z.output<typeof RegistrationInput>): Promise<Registered> {
    const { state } = this
    this.heardTurn = turn ?? state.turn
    if (state.identity === null) await this.recoverOnce()
    const { nodeId, hostname, machineId, bootId, instance, gpus, labels, simulated, graceSeconds } = told
    const replaced = state.attendedBy !== null && state.attendedBy !== instance
    Object.assign(state, { identity: { nodeId, hostname, machineId, bootId, instance }, gpus, labels, simulated, graceSeconds })
    this.keep(withFenceAbove(this.book, highestFence))
    this.publish()
    if (turn === null && replaced) this.onReplaced()
    return this.kept
  }

  private refuseStranger({ nodeId, instance, machineId, hostname, turn }: z.output<typeof RegistrationInput>): void {
    const { identity, attendedBy } = this.state
    if (nodeId !== this.nodeId)
      throw failure('InvalidInput', `nodeId: this is ${this.nodeId}`, { field: 'nodeId', rule: `this is ${this.nodeId}` })
    if (turn !== null) return this.refuseOverdue({ instance, turn })
    const elsewhere = identity !== null && (identity.machineId !== machineId || identity.hostname !== hostname)
    if (attendedBy !== null && attendedBy !== instance && elsewhere) {
      const details = { node: this.nodeId, hostname: identity.hostname }
      throw failure('NodeTaken', `node ${this.nodeId} is run by machine ${identity.hostname} already`, details)
    }
  }

  /** A process that was held up, or has a successor, attends no more. */
  private refuseOverdue({ instance, turn }: Pick<z.output<typeof ArrivalInput>, 'instance' | 'turn'>): void {
    const { state } = this
    if (turn === state.turn && state.identity?.instance === instance) return
    const details = { node: this.nodeId, hostname: state.identity?.hostname ?? 'unknown' }
    throw failure('NodeTaken', `node ${this.nodeId} is attended by another process`, details)
  }

  private arrive({ instance, stuck }: z.output<typeof ArrivalInput>): void {
    this.keepAway(stuck)
    const { presence, attendedBy } = this.state
    this.state.attendedBy = instance
    if (presence !== 'ready') this.setPresence('ready')
    else if (attendedBy !== instance) this.tell()
  }

  private lease(claim: z.output<typeof ClaimInput>): LeaseAnswer {
    const standing = { presence: this.state.presence, gpus: this.state.gpus.map(({ index }) => index) }
    const { book, answer } = grant(this.book, standing, claim, now())
    this.keep(book)
    this.follower.followAll()
    return answer
  }

  private readonly checkGpu = ({ gpu }: { gpu: number }): void => {
    const known = this.state.gpus.some(({ index }) => index === gpu) || this.book.quarantined.some((entry) => entry.gpu === gpu)
    if (known) return
    const rule = `node ${this.nodeId} has no GPU ${gpu}`
    throw failure('InvalidInput', `gpu: ${rule}`, { field: 'gpu', rule })
  }

  /** A drain goes on until `uncordon`, and a reason stays until another one is given. */
  private cordon({ drain, reason, by }: z.output<typeof CordonInput>): void {
    const before = this.book.cordon
    const drains = before?.drain ?? false
    const begins = drain && !drains
    if (before !== null && !begins && (reason ?? before.reason) === before.reason) return
    const why = reason ?? before?.reason ?? (drain ? 'drained by hand' : 'cordoned by hand')
    this.keep({ ...this.book, cordon: { reason: why, by, at: now(), drain: drain || drains } })
    if (begins) this.tell()
  }

  private refuseToForget({ force }: z.output<typeof ForgetInput>): void {
    const bound = this.book.leases.filter(({ state }) => state === 'bound').map(({ endpoint }) => endpoint)
    const rule =
      this.state.presence === 'ready'
        ? `${this.nodeId} answers: end its node worker first`
        : bound.length > 0 && !force
          ? `${this.nodeId} still has ${bound.join(', ')}: stop or move that first, or add --force`
          : null
    if (rule !== null) throw failure('InvalidInput', `node: ${rule}`, { field: 'node', rule, next: `aim node show ${this.nodeId}` })
  }

  /** Whoever still has something here hears that it is lost. */
  private forget(): void {
    this.setPresence('lost')
    this.forgotten = true
  }

  private view(): NodeView {
    const { presence, since, simulated, identity, gpus, labels, book } = this.state
    const { fence, leases, quarantined, cordon } = book
    const known = { presence, since, simulated, identity, gpus, cordon, leases, quarantined, fence }
    return { nodeId: this.nodeId, ...known, labels: { ...labels, ...book.labels } }
  }

  private publish(): void {
    const { presence, identity, book } = this.state
    const state = book.cordon === null ? presence : `${presence}, ${book.cordon.drain ? 'draining' : 'cordoned'}`
    show({ AimState: state })
    const lines = [
      `**${this.nodeId}**: ${state}`,
      identity === null ? '' : `${identity.hostname}, boot ${identity.bootId}`,
      ...book.leases.map(
        ({ endpoint, gpus, state: kind }) => `- ${endpoint}: ${gpus.length === 0 ? 'processor' : `GPU ${gpus.join(', ')}`} (${kind})`,
      ),
      ...book.quarantined.map(({ gpu, reason }) => `- GPU ${gpu} in quarantine: ${reason}`),
    ]
    setCurrentDetails(lines.filter((line) => line !== '').join('\n\n'))
  }
}

const now = (): string => new Date().toISOString()
