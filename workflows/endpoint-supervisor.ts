import {
  CancellationScope,
  condition,
  defineQuery,
  defineUpdate,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow'
import type { EndpointPhase, EndpointView, Operation, Replica } from '../src/contracts/endpoint.js'
import {
  ENDPOINT_QUERY,
  type Adoption,
  type BeginOperation,
  type EndpointUpdates,
  type OperationAnswer,
  type Run,
} from '../src/contracts/messages.js'
import type { Supervision } from '../src/contracts/supervise.js'
import { failuresAfter, restartDelayMs } from '../src/domain/restarts.js'
import { longOnNode, onNode, waiting, watchOnNode } from './activities.js'
import { adopt, begin, end, holds, retire } from './endpoint-lock.js'
import { failure } from './input.js'
import { rootMessage } from './steps.js'
import { cleanUpAfter } from './vanished-holder.js'
import { show } from './visibility.js'

/** One endpoint's state, the messages that change it, and the care for its engine. */
export class EndpointSupervisor {
  updates = 0
  private caring = false
  /** Runs that held the lock and are not closed yet. */
  private followed = 0

  constructor(
    private readonly endpoint: string,
    readonly state: Supervision,
  ) {
    setHandler(defineQuery<EndpointView>(ENDPOINT_QUERY), () => this.view())
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
        this.updates += 1
        return answer(input)
      })
    }
  }

  /** While somebody works on the endpoint or something serves under its name. */
  isNeeded(): boolean {
    return !this.state.retired && (this.state.operation !== null || this.state.replica !== null)
  }

  /** Nobody is waited for: every run that held the lock is closed, or a new one came. */
  isSettled(): boolean {
    return this.followed === 0 || this.isNeeded()
  }

  /** Nobody works on the endpoint and no start is under way: a good moment to go on as a new run. */
  isSteady(): boolean {
    const { operation, replica, degraded, provedAtMs } = this.state
    return operation === null && this.followed === 0 && (replica === null || degraded || provedAtMs !== null)
  }

  /** Cares for the engine while there is one to care for; else waits for the next message. */
  async tend(until: () => boolean): Promise<void> {
    this.publish()
    if (!this.hasEngine()) {
      await condition(() => this.hasEngine() || !this.isNeeded() || until())
      return
    }
    const care = new CancellationScope()
    this.caring = true
    const kept = care.run(() => this.keepAlive()).catch((error: unknown) => this.giveUp(error))
    void kept.finally(() => (this.caring = false))
    await condition(() => !this.caring || !this.hasEngine() || until())
    care.cancel()
    await kept
  }

  /** Care that was called off is no failure; one that cannot go on is said, and left for a person. */
  private giveUp(error: unknown): void {
    if (isCancellation(error)) return
    Object.assign(this.state, { degraded: true, reason: rootMessage(error) })
    this.publish()
  }

  private hasEngine(): boolean {
    return this.state.replica !== null && !this.state.standingDown && !this.state.retired && !this.state.degraded
  }

  /** Proves and watches the engine, and starts it again after each end until it is in a crash loop. */
  private async keepAlive(): Promise<void> {
    let problem: string | null = null
    while (this.state.replica !== null && !this.state.degraded) {
      problem = problem === null ? await this.serve(this.state.replica) : await this.startAgain(this.state.replica, problem)
    }
  }

  /** Until the engine is gone; says how it went. One that was started and never proved is proved first. */
  private async serve({ nodeId, key, spec }: Replica): Promise<string> {
    try {
      if (this.state.provedAtMs === null) this.served(await longOnNode(nodeId).proveReady({ key, spec }))
      return (await watchOnNode(nodeId).watchEngine({ key, spec })).why
    } catch (error) {
      if (isCancellation(error)) throw error
      return rootMessage(error)
    }
  }

  private served({ pid, url }: { pid: number; url: string }): void {
    const { state } = this
    const now = Date.now()
    if (state.replica !== null) state.replica = { ...state.replica, pid, url }
    if (state.downSinceMs !== null) {
      state.restarts += 1
      state.lastRestart = { at: new Date(now).toISOString(), why: state.reason ?? '', downMs: now - state.downSinceMs }
    }
    Object.assign(state, { provedAtMs: now, downSinceMs: null, reason: null })
    this.publish()
  }

  /**
   * Starts the engine under its next key, or gives it up. The key is kept before the start, so that nobody loses the engine.
   * Answers what kept it from starting, if anything.
   */
  private async startAgain(replica: Replica, why: string): Promise<string | null> {
    const { state } = this
    const now = Date.now()
    state.failures = failuresAfter(state.failures, state.provedAtMs === null ? 0 : now - state.provedAtMs)
    Object.assign(state, { provedAtMs: null, downSinceMs: state.downSinceMs ?? now, reason: why })
    const delayMs = restartDelayMs(state.failures)
    try {
      if (delayMs === null) {
        Object.assign(state, { degraded: true, reason: `crash loop: ${why}` })
        this.publish()
        await onNode(replica.nodeId).stopIfRunning({ key: replica.key })
        return null
      }
      this.publish()
      if (delayMs > 0) await sleep(delayMs)
      const key = { ...replica.key, launch: replica.key.launch + 1 }
      state.replica = { ...replica, key }
      await onNode(replica.nodeId).launchEngine({ key, spec: replica.spec })
      return null
    } catch (error) {
      if (isCancellation(error)) throw error
      return rootMessage(error)
    }
  }

  private begin(request: BeginOperation): OperationAnswer {
    const held = this.state.operation
    const answer = begin(this.state, request)
    if (held === null && this.state.operation !== null) void this.follow(this.state.operation)
    this.publish()
    return answer
  }

  /** The lock ends with the run that holds it, however that ended: terminate and reset tell nobody. */
  private async follow(operation: Operation): Promise<void> {
    const run = { workflowId: operation.workflowId, runId: operation.runId }
    this.followed += 1
    try {
      await waiting.awaitClosed({ run })
      if (holds(this.state, run)) await cleanUpAfter(this.endpoint, operation)
    } catch (error) {
      log.error('cannot clean up after the holder of the lock', { ...run, error: rootMessage(error) })
    }
    this.followed -= 1
    end(this.state, run)
    this.publish()
  }

  private async standDown(run: Run): Promise<void> {
    // Whoever takes the engine up again finds out first whether it still answers.
    const letGo = { standingDown: true, provedAtMs: null, reason: 'made way for another operation' }
    this.whenHeld(run, () => Object.assign(this.state, letGo))
    await condition(() => !this.caring)
  }

  private adopt(adoption: Adoption): void {
    if (!adopt(this.state, adoption, Date.now())) throw notHolder(this.endpoint, adoption)
    this.publish()
  }

  private whenHeld(run: Run, change: () => void): void {
    if (!holds(this.state, run)) throw notHolder(this.endpoint, run)
    change()
  }

  private view(): EndpointView {
    const { revision, replica, operation, reason, restarts, lastRestart, presence, healing, next } = this.state
    const known = { revision, replica, operation, restarts, lastRestart, presence, healing, next }
    return { endpoint: this.endpoint, phase: this.phase(), reason, ...known }
  }

  private phase(): EndpointPhase {
    const { operation, replica, reason, degraded, standingDown } = this.state
    if (operation?.kind === 'undeploy' || this.state.retired) return 'stopping'
    if (replica === null || standingDown) return 'deploying'
    if (degraded) return 'degraded'
    return reason === null ? 'serving' : 'restarting'
  }

  private publish(): void {
    const { revision, replica, reason } = this.state
    const phase = this.phase()
    show({
      AimState: phase,
      ...(revision !== null && { AimModel: revision.model, AimRecipe: revision.recipe, AimActor: revision.deployedBy }),
      ...(replica !== null && { AimNode: replica.nodeId, AimBackend: replica.spec.backend }),
    })
    const lines = [
      `**${this.endpoint}**: ${phase}`,
      reason ?? '',
      revision === null ? '' : `revision ${revision.revision}: ${revision.model}@${revision.commit}`,
      replica === null ? '' : `${replica.url} on ${replica.nodeId}`,
    ]
    setCurrentDetails(lines.filter((line) => line !== '').join('\n\n'))
  }
}

function notHolder(endpoint: string, run: Run) {
  const details = { endpoint, workflowId: run.workflowId }
  return failure('OperationInProgress', `${run.workflowId} does not hold endpoint ${endpoint}`, details)
}
