import { condition, defineQuery, defineSignal, defineUpdate, isCancellation, log, setHandler, sleep } from '@temporalio/workflow'
import type { z } from 'zod'
import type { EndpointView, Operation } from '../src/contracts/endpoint.js'
import {
  ENDPOINT_QUERY,
  type Adoption,
  type BeginOperation,
  type EndpointUpdates,
  type OperationAnswer,
  type Run,
} from '../src/contracts/messages.js'
import { NodeNewsInput } from '../src/contracts/manage-node.js'
import { NODE_SIGNAL } from '../src/contracts/node-owner.js'
import { AdoptionInput, BeginInput, RunInput, type Supervision } from '../src/contracts/supervise.js'
import type { Lease } from '../src/domain/lease.js'
import { waiting } from './activities.js'
import { keepAlive } from './endpoint-care.js'
import { heal } from './endpoint-healing.js'
import { adopt, begin, end, holds, retire, takeUp } from './endpoint-lock.js'
import { endStep, publish, viewOf, type Supervised } from './endpoint-state.js'
import { failure, parseInput } from './input.js'
import { bindLease, hear, leave } from './endpoint-news.js'
import { rootMessage } from './steps.js'
import { cleanUpAfter, cleanUpBefore } from './vanished-holder.js'
import { whileWanted } from './while-wanted.js'

/** When something is in the way of waiting for the holder of the lock, it is tried again after this long. */
const RETRY_MS = 15_000

/** One endpoint's state, the messages that change it, and when it is cared for and healed. */
export class EndpointSupervisor implements Supervised {
  messages = 0
  generation = 0
  adoptions = 0
  private caring = false
  private healing = false
  /** Run that holds the lock and is closed: what it had started is being cleaned up. */
  private closed: string | null = null
  /** Runs that held the lock and are not closed yet, and places that are being left. */
  private errands = 0

  constructor(
    readonly endpoint: string,
    readonly state: Supervision,
    /** No run of this workflow came before. */
    private isNew: boolean,
  ) {
    setHandler(defineQuery<EndpointView>(ENDPOINT_QUERY), () => viewOf(this))
    // A signal that makes no sense has nobody to be told; it changes nothing.
    setHandler(defineSignal<[unknown]>(NODE_SIGNAL), (told) => {
      this.messages += 1
      const news = NodeNewsInput.safeParse(told)
      if (news.success) hear(this, news.data, this.healing && state.trouble?.retryAtMs === null)
    })
    this.onUpdate('beginOperation', BeginInput, (request) => this.begin(request))
    this.onUpdate('standDown', RunInput, (run) => this.standDown(run))
    this.onUpdate('resume', RunInput, (run) => this.whenHeld(run, () => takeUp(state)))
    this.onUpdate('adoptReplica', AdoptionInput, (adoption) => this.adopt(adoption))
    this.onUpdate('endOperation', RunInput, (run) => end(state, run))
    this.onUpdate('retire', RunInput, (run) => this.retire(run))
  }

  private onUpdate<Name extends keyof EndpointUpdates, Schema extends z.ZodType<Parameters<EndpointUpdates[Name]>[0]>>(
    name: Name,
    schema: Schema,
    answer: (input: z.output<Schema>) => ReturnType<EndpointUpdates[Name]>,
  ): void {
    const handler = (input: unknown) => {
      this.messages += 1
      return answer(parseInput(schema, input))
    }
    setHandler(defineUpdate<unknown, [unknown]>(name), handler, { validator: (input) => void parseInput(schema, input) })
  }

  /** While somebody works on the endpoint or something serves under its name. */
  isNeeded(): boolean {
    return !this.state.retired && (this.state.operation !== null || this.state.replica !== null)
  }

  /** Nothing is waited for: every run that held the lock is closed, or a new one came. */
  isSettled(): boolean {
    return this.errands === 0 || this.isNeeded()
  }

  /** Nobody works on the endpoint, and no start and no repair is under way: a good moment to go on as a new run. */
  isSteady(): boolean {
    const { operation, replica, degraded, provedAtMs, trouble } = this.state
    const waits = trouble !== null && trouble.retryAtMs !== null
    const watched = trouble === null && (replica === null || degraded || provedAtMs !== null)
    return operation === null && this.errands === 0 && (waits || watched)
  }

  /** Cares for the engine, and heals the endpoint where care does not help, until it is of no more use or `until`. */
  async tend(until: () => boolean): Promise<void> {
    publish(this)
    const over = () => !this.isNeeded() || until()
    const failed = (error: unknown) => this.giveUp(error)
    let cared = 0
    const care = async () => {
      cared = this.adoptions
      this.caring = true
      await keepAlive(this).finally(() => (this.caring = false))
    }
    const healing = async () => {
      this.healing = true
      await heal(this).finally(() => (this.healing = false))
    }
    await Promise.all([
      whileWanted(care, { wanted: () => this.wantsCare() && (!this.caring || cared === this.adoptions), over, failed }),
      whileWanted(healing, { wanted: () => this.wantsHealing(), over, failed }),
    ])
  }

  private wantsCare(): boolean {
    const { replica, standingDown, retired, degraded, trouble, presence } = this.state
    return replica !== null && !standingDown && !retired && !degraded && trouble?.gone !== true && presence !== 'lost'
  }

  private wantsHealing(): boolean {
    const { trouble, operation, retired, degraded } = this.state
    return trouble !== null && !retired && !degraded && (operation === null || operation.kind === 'repair')
  }

  /** What cannot go on is said, and left for a person. */
  private giveUp(error: unknown): void {
    endStep(this.state, 'failed', rootMessage(error))
    const next = `nothing is tried any more: aim explain ${this.endpoint}`
    Object.assign(this.state, { degraded: true, reason: rootMessage(error), next, trouble: null })
    publish(this)
  }

  private begin(request: BeginOperation): OperationAnswer {
    const held = this.state.operation
    const answer = begin(this.state, request)
    // An undeploy ends them itself, and tells what they were.
    if (this.isNew && request.kind !== 'undeploy') void this.errand(this.endLeftovers())
    this.isNew = false
    if (held === null && this.state.operation !== null) void this.errand(this.follow(this.state.operation))
    publish(this)
    return answer
  }

  /** The lock ends with the run that holds it, however that ended: terminate and reset tell nobody. */
  private async follow(operation: Operation): Promise<void> {
    const run = { workflowId: operation.workflowId, runId: operation.runId }
    try {
      await untilClosed(run)
      this.closed = run.runId
      if (holds(this.state, run)) await cleanUpAfter(this.endpoint, operation)
    } catch (error) {
      if (isCancellation(error)) return
      log.error('cannot clean up after the holder of the lock', { ...run, error: rootMessage(error) })
    }
    end(this.state, run)
    publish(this)
  }

  /** This workflow has just begun: one that was ended by hand before may have left leases, and engines under them. */
  private async endLeftovers(): Promise<void> {
    const isOurs = (nodeId: string, { fence, owner }: Lease): boolean => {
      const { operation, replica } = this.state
      return (operation !== null && holds(this.state, owner)) || (replica?.nodeId === nodeId && replica.key.fence === fence)
    }
    try {
      await cleanUpBefore(this.endpoint, isOurs)
    } catch (error) {
      log.error('what an earlier workflow of the endpoint left is not ended', { endpoint: this.endpoint, error: rootMessage(error) })
    }
  }

  private async errand(work: Promise<void>): Promise<void> {
    this.errands += 1
    await work.finally(() => (this.errands -= 1))
  }

  private async standDown(run: Run): Promise<void> {
    this.whenHeld(run, () => {
      this.state.standingDown = true
      this.state.reason ??= 'made way for another operation'
    })
    await condition(() => !this.caring)
  }

  private adopt(adoption: Adoption): void {
    const left = this.state.replica
    const isNew = holds(this.state, adoption)
    // One that comes late, after its flow was ended, would take over what is being stopped.
    const late = isNew && this.closed === adoption.runId
    if (late || !adopt(this.state, adoption, Date.now())) throw notHolder(this.endpoint, adoption)
    if (isNew) {
      this.adoptions += 1
      endStep(this.state, 'done', `serves on ${adoption.replica.nodeId}`)
      void this.errand(bindLease(adoption.replica))
      if (left !== null && left.nodeId !== adoption.replica.nodeId) void this.errand(leave(this.endpoint, left))
    }
    publish(this)
  }

  private retire(run: Run): void {
    if (!retire(this.state, run)) throw notHolder(this.endpoint, run)
  }

  private whenHeld(run: Run, change: () => void): void {
    if (!holds(this.state, run)) throw notHolder(this.endpoint, run)
    change()
  }
}

/** A wait that fails says nothing of the run: the lock is not free before that is known to be closed. */
async function untilClosed(run: Run): Promise<void> {
  for (;;) {
    try {
      return await waiting.awaitClosed({ run })
    } catch (error) {
      if (isCancellation(error)) throw error
      log.warn('whether the holder of the lock is closed is not known yet', { ...run, error: rootMessage(error) })
      await sleep(RETRY_MS)
    }
  }
}

function notHolder(endpoint: string, run: Run) {
  const details = { endpoint, workflowId: run.workflowId }
  return failure('OperationInProgress', `${run.workflowId} does not hold endpoint ${endpoint}`, details)
}
