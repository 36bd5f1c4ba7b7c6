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
import type { EndpointPhase, EndpointView } from '../src/contracts/endpoint.js'
import {
  ENDPOINT_QUERY,
  type Adoption,
  type BeginOperation,
  type EndpointUpdates,
  type OperationAnswer,
  type Run,
} from '../src/contracts/messages.js'
import type { Supervision } from '../src/contracts/supervise.js'
import { recentDeaths, restartDelayMs } from '../src/domain/restarts.js'
import { longOnNode, onNode, waiting, watchOnNode } from './activities.js'
import { adopt, begin, end, holds, retire } from './endpoint-lock.js'
import { failure } from './input.js'
import { rootMessage } from './steps.js'
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
  }

  private hasEngine(): boolean {
    return this.state.replica !== null && !this.state.standingDown && !this.state.retired && !this.state.degraded
  }

  /** Watches the engine, and starts it again after each death until it is in a crash loop. */
  private async keepAlive(): Promise<void> {
    while (this.state.replica !== null) {
      const { key, nodeId } = this.state.replica
      const gone = await watchOnNode(nodeId).watchEngine({ key })
      await this.restart(gone.phase === 'exited' ? `engine ended: ${gone.signal ?? `exit code ${gone.code ?? 'unknown'}`}` : 'engine gone')
      if (this.state.degraded) return
    }
  }

  private async restart(why: string): Promise<void> {
    const { state } = this
    const diedAt = Date.now()
    for (;;) {
      state.deathsMs = [...recentDeaths(state.deathsMs, Date.now()), Date.now()]
      state.reason = why
      const delayMs = restartDelayMs(state.deathsMs, Date.now())
      if (delayMs === null) {
        state.degraded = true
        state.reason = `crash loop: ${why}`
        return this.publish()
      }
      this.publish()
      if (delayMs > 0) await sleep(delayMs)
      const problem = await this.launchAgain()
      if (problem === null) break
      why = problem
    }
    state.restarts += 1
    state.lastRestart = { at: new Date().toISOString(), why, downMs: Date.now() - diedAt }
    state.reason = null
    this.publish()
  }

  /** Starts the engine under its next key. The key is kept before the start, so that nobody loses the engine. */
  private async launchAgain(): Promise<string | null> {
    const { replica } = this.state
    if (replica === null) return null
    const key = { ...replica.key, launch: replica.key.launch + 1 }
    this.state.replica = { ...replica, key }
    try {
      await onNode(replica.nodeId).launchEngine({ key, spec: replica.spec })
      const { pid, url } = await longOnNode(replica.nodeId).proveReady({ key, spec: replica.spec })
      this.state.replica = { ...replica, key, pid, url }
      return null
    } catch (error) {
      if (isCancellation(error)) throw error
      return rootMessage(error)
    }
  }

  private begin(request: BeginOperation): OperationAnswer {
    const isNew = this.state.operation === null
    const answer = begin(this.state, request)
    if (isNew) void this.freeWhenClosed({ workflowId: request.workflowId, runId: request.runId })
    this.publish()
    return answer
  }

  /** The lock ends with the run that holds it, however that ended: terminate and reset tell nobody. */
  private async freeWhenClosed(run: Run): Promise<void> {
    this.followed += 1
    try {
      await waiting.awaitClosed({ run })
    } catch (error) {
      log.error('cannot follow the holder of the lock', { ...run, error: rootMessage(error) })
    }
    this.followed -= 1
    end(this.state, run)
    this.publish()
  }

  private async standDown(run: Run): Promise<void> {
    this.whenHeld(run, () => (this.state.standingDown = true))
    await condition(() => !this.caring)
  }

  private adopt(adoption: Adoption): void {
    if (!adopt(this.state, adoption)) throw notHolder(this.endpoint, adoption)
    this.publish()
  }

  private whenHeld(run: Run, change: () => void): void {
    if (!holds(this.state, run)) throw notHolder(this.endpoint, run)
    change()
  }

  private view(): EndpointView {
    const { revision, replica, operation, reason, restarts, lastRestart } = this.state
    return { endpoint: this.endpoint, phase: this.phase(), reason, revision, replica, operation, restarts, lastRestart }
  }

  private phase(): EndpointPhase {
    const { operation, replica, reason, degraded } = this.state
    if (operation?.kind === 'undeploy' || this.state.retired) return 'stopping'
    if (replica === null) return 'deploying'
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
