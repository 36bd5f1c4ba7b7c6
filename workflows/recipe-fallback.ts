import {
  CancellationScope,
  CancelledFailure,
  isCancellation,
  log,
  sleep,
  workflowInfo,
  type ApplicationFailure,
} from '@temporalio/workflow'
import { FallbackRequest, type ApprovalView, type Failed, type FallbackResult } from '../src/contracts/fallback.js'
import { gpusToAvoid, nextMove, type NextMove, type Tried, type Try } from '../src/domain/fallback/next-move.js'
import { CurrentEngine } from './current-engine.js'
import { ApprovalDesk } from './fallback-approval.js'
import { endOf } from './fallback-end.js'
import { FallbackTeller } from './fallback-news.js'
import { tryCandidate, type Ready, type Walk } from './fallback-try.js'
import { failure, parseInput } from './input.js'
import { NodeWatch } from './node-watch.js'
import { rootFailure, whyItFailed } from './record.js'
import { withUndo } from './saga.js'
import { show } from './visibility.js'

/**
 * Walks a plan until one candidate answers: each failure is classified, what it left is cleaned up, and its class says what is tried next, within
 * a budget of tries and time. It holds nothing when it fails.
 */
export async function recipeFallback(input: unknown): Promise<FallbackResult> {
  const request = parseInput(FallbackRequest, input) as unknown as FallbackRequest
  const { endpoint, current, holder, parent, tried } = request
  show({ AimEndpoint: endpoint, AimState: 'trying' })
  const teller = new FallbackTeller(parent)
  const walk: Walk = {
    request,
    teller,
    nodes: new NodeWatch(endpoint),
    current: new CurrentEngine(endpoint, current, holder),
    tried: [...tried],
  }
  try {
    return await withUndo((undo) => {
      undo(() => walk.current.comeBack())
      return new Fallback(walk).walk()
    })
  } finally {
    await teller.allTold()
  }
}

class Fallback {
  private readonly desk = new ApprovalDesk()
  private readonly answers: Record<string, boolean> = {}
  private rejection: { question: string; reason: string } | null = null
  /** How the last try failed, also one of an earlier walk. */
  private last: Failed | null
  /** Time that a person took to answer is nobody's delay. */
  private startedMs: number

  constructor(private readonly of: Walk) {
    this.last = of.request.last
    this.startedMs = Date.now() - of.request.spentMs
  }

  async walk(): Promise<FallbackResult> {
    const { tried, request } = this.of
    for (;;) {
      const move = this.next()
      if (move.do === 'stop') {
        if (move.planEmpty && this.mayFindOtherGpus()) return this.conflict(tried, this.last)
        throw this.end(move.why)
      }
      const before = this.last
      const ready = await this.go(move)
      if (ready !== null) return { outcome: 'ready', ready, tried, last: this.last, spentMs: this.spentMs() }
      if (request.replans && tried.at(-1)?.failure === 'LeaseRefused') return this.conflict(tried.slice(0, -1), before)
    }
  }

  /** What served comes back for as long as a new plan, and maybe its download, takes. */
  private async conflict(tried: Tried[], last: Failed | null): Promise<FallbackResult> {
    await this.of.current.comeBack()
    return { outcome: 'conflict', ready: null, tried, last, spentMs: this.spentMs() }
  }

  /** A try of this walk failed for its GPUs: a new plan may have others. A walk that tried nothing would go round in circles. */
  private mayFindOtherGpus(): boolean {
    const { request, tried } = this.of
    return request.replans && tried.length > request.tried.length && gpusToAvoid(tried.slice(-1)).length > 0
  }

  private spentMs(): number {
    return Date.now() - this.startedMs
  }

  private next(): NextMove {
    const { candidates, fallback, policy } = this.of.request
    const { mode, budget, approval } = policy
    const asks = approval.required
    return nextMove({ candidates, fallback, mode, budget, asks, tried: this.of.tried, spentMs: this.spentMs(), answers: this.answers })
  }

  /** Null: it did not work out, and what is tried next depends on why. */
  private async go(move: Try): Promise<Ready | null> {
    const { candidate, ask, pauseMs, how, gaveUp } = move
    const { current, tried } = this.of
    // What served comes back where the next one keeps people waiting, or does not need its place.
    const isElsewhere = candidate.node !== this.of.request.current?.nodeId
    if (ask.length > 0 || !candidate.cached || isElsewhere) await current.comeBack()
    if (ask.length > 0 && !(await this.isApproved(move))) return null
    if (pauseMs > 0) await sleep(pauseMs)
    const { recipe, backend, node, gpus, card } = candidate
    show({ AimRecipe: recipe, AimBackend: backend, AimNode: node, AimHardware: card === null ? 'cpu' : `${gpus.length}x ${card}` })
    if (tried.length > 0) log.info('the next candidate is tried', { endpoint: this.of.request.endpoint, recipe, node, gpus, how })
    try {
      return await tryCandidate(this.of, move)
    } catch (error) {
      if (isCancellation(error)) throw error
      // However a try ends that was called off, with its node for one: nothing is tried after it.
      if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('called off during a try', [], error as Error)
      const { failure: why, maxContext } = whyItFailed(error)
      log.warn('a try failed', { endpoint: this.of.request.endpoint, recipe, node, gpus, failure: why })
      tried.push({ candidate, failure: why, gaveUp, ...(maxContext !== undefined && { maxContext }) })
      this.last = rootFailure(error)
      return null
    }
  }

  private async isApproved({ ask, candidate }: Try): Promise<boolean> {
    const { teller, request } = this.of
    const askedMs = Date.now()
    show({ AimState: 'awaiting approval' })
    const tell = (approval: ApprovalView) => teller.tell({ approval })
    const { yes, reason } = await this.desk.ask(ask, candidate, request.policy.approval, tell)
    show({ AimState: 'trying' })
    this.startedMs += Date.now() - askedMs
    this.answers[ask.join('; ')] = yes
    if (!yes) this.rejection = { question: ask.join('; '), reason }
    log.info(yes ? 'a person approved' : 'a person did not approve', { workflowId: workflowInfo().workflowId, ask, reason })
    return yes
  }

  private end(why: string): ApplicationFailure {
    const { request, tried } = this.of
    if (this.rejection === null) return endOf({ endpoint: request.endpoint, tried, last: this.last }, why)
    const { question, reason } = this.rejection
    return failure('ApprovalRejected', `${question} was not approved: ${reason}`, { question, reason })
  }
}
