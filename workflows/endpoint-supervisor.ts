import { condition, defineQuery, defineSignal, defineUpdate, log, setHandler } from '@temporalio/workflow'
import type { EndpointView, Operation } from '../src/contracts/endpoint.js'
import {
  ENDPOINT_QUERY,
  type Adoption,
  type BeginOperation,
  type EndpointUpdates,
  type OperationAnswer,
  type Run,
} from '../src/contracts/messages.js'
import { NODE_SIGNAL, type NodeNews } from '../src/contracts/node-owner.js'
import type { Supervision } from '../src/contracts/supervise.js'
import type { Lease } from '../src/domain/lease.js'
import { waiting } from './activities.js'
import { keepAlive } from './endpoint-care.js'
import { heal } from './endpoint-healing.js'
import { adopt, begin, end, holds, retire } from './endpoint-lock.js'
import { endStep, publish, viewOf, type Supervised } from './endpoint-state.js'
import { failure } from './input.js'
import { bindLease, hear, leave } from './endpoint-news.js'
import { rootMessage } from './steps.js'
import { cleanUpAfter, cleanUpBefore } from './vanished-holder.js'
import { whileWanted } from './while-wanted.js'

/** One endpoint's state, the messages that change it, and when it is cared for and healed. */
export class EndpointSupervisor implements Supervised {
  messages = 0
  generation = 0
  private caring = false
  private healing = false
  /** Runs that held the lock and are not closed yet, and places that are being left. */
  private errands = 0

  constructor(
    readonly endpoint: string,
    readonly state: Supervision,
    /** No run of this workflow came before. */
    private isNew: boolean,
  ) {
    setHandler(defineQuery<EndpointView>(ENDPOINT_QUERY), () => viewOf(this))
    setHandler(defineSignal<[NodeNews]>(NODE_SIGNAL), (news) => {
      this.messages += 1
      hear(this, news, this.healing && state.trouble?.retryAtMs === null)
    })
    const answers: EndpointUpdates = {
      beginOperation: (request) => this.begin(request),
      standDown: (run) => this.standDown(run),
      resume: (run) => this.whenHeld(run, () => (state.standingDown = false)),
      adoptReplica: (adoption) => this.adopt(adoption),
      endOperation: (run) => end(state, run),
      retire: (run) => retire(state, run),
    }
    for (const [name, answer] of Object.entries(answers)) {
      setHandler(defineUpdate<unknown, [never]>(name), (input) => {
        this.messages += 1
        return answer(input)
      })
    }
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
    const care = async () => {
      this.caring = true
      await keepAlive(this).finally(() => (this.caring = false))
    }
    const healing = async () => {
      this.healing = true
      await heal(this).finally(() => (this.healing = false))
    }
    await Promise.all([
      whileWanted(care, { wanted: () => this.wantsCare(), over, failed }),
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
    if (this.isNew) void this.errand(this.endLeftovers())
    this.isNew = false
    if (held === null && this.state.operation !== null) void this.errand(this.follow(this.state.operation))
    publish(this)
    return answer
  }

  /** The lock ends with the run that holds it, however that ended: terminate and reset tell nobody. */
  private async follow(operation: Operation): Promise<void> {
    const run = { workflowId: operation.workflowId, runId: operation.runId }
    try {
      await waiting.awaitClosed({ run })
      if (holds(this.state, run)) await cleanUpAfter(this.endpoint, operation)
    } catch (error) {
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
      const { state } = this
      // What served well until now is what a rollback comes back to.
      if (state.reason === null && state.provedAtMs !== null) state.good = state.revision
      // Whoever takes the engine up again finds out first whether it still answers.
      Object.assign(state, { standingDown: true, provedAtMs: null, reason: 'made way for another operation' })
    })
    await condition(() => !this.caring)
  }

  private adopt(adoption: Adoption): void {
    const left = this.state.replica
    const isNew = holds(this.state, adoption)
    if (!adopt(this.state, adoption, Date.now())) throw notHolder(this.endpoint, adoption)
    if (isNew) {
      endStep(this.state, 'done', `serves on ${adoption.replica.nodeId}`)
      bindLease(adoption.replica)
      if (left !== null && left.nodeId !== adoption.replica.nodeId) void this.errand(leave(this.endpoint, left))
    }
    publish(this)
  }

  private whenHeld(run: Run, change: () => void): void {
    if (!holds(this.state, run)) throw notHolder(this.endpoint, run)
    change()
  }
}

function notHolder(endpoint: string, run: Run) {
  const details = { endpoint, workflowId: run.workflowId }
  return failure('OperationInProgress', `${run.workflowId} does not hold endpoint ${endpoint}`, details)
}
