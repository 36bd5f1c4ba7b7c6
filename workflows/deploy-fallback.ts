import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import { CancellationScope, defineSignal, log, setHandler, startChild, workflowInfo, type ChildWorkflowHandle } from '@temporalio/workflow'
import type { Repair } from '../src/contracts/deploy.js'
import { FallbackNewsInput, STEP_SIGNAL, type FallbackNews, type FallbackRequest, type FallbackResult } from '../src/contracts/fallback.js'
import { NodeNewsInput } from '../src/contracts/manage-node.js'
import { NODE_SIGNAL, type NodeNews } from '../src/contracts/node-owner.js'
import type { PinnedModel } from '../src/contracts/model.js'
import { gpusToAvoid } from '../src/domain/fallback/next-move.js'
import type { NodeInspection } from '../src/domain/node.js'
import type { Candidate, Fallback } from '../src/domain/plan.js'
import { control, waiting } from './activities.js'
import type { Choice } from './deploy-plan.js'
import { showChoice, type Deploy } from './deploy-steps.js'
import { giveBackOwn } from './give-back.js'
import { lookAtNodes } from './look-at-nodes.js'
import type { Begun } from './operation.js'
import type { recipeFallback } from './recipe-fallback.js'
import { rootFailure } from './record.js'
import { rootMessage } from './steps.js'

/** How often a deploy plans again because others were faster: then it makes do with what is left of its plan. */
const MOST_REPLANS = 5

/** The child that walks the plan, and what one walk leaves for the next: what was tried is not tried again. */
export class DeployFallback {
  private walks = 0
  private choice: Choice | null = null
  private earlier: Pick<FallbackResult, 'tried' | 'last' | 'spentMs'> = { tried: [], last: null, spentMs: 0 }
  private child: ChildWorkflowHandle<typeof recipeFallback> | null = null
  /** The last of each node since the child was asked for: it may have a lease before this flow sees that it has started. */
  private readonly news = new Map<string, NodeNews>()

  constructor(private readonly flow: Deploy) {
    setHandler(defineSignal<[unknown]>(STEP_SIGNAL), (told) => {
      const news = FallbackNewsInput.safeParse(told)
      if (news.success) this.hear(news.data as FallbackNews)
    })
    // A node's owner knows the flow that its leases are reserved for, which is this one.
    setHandler(defineSignal<[unknown]>(NODE_SIGNAL), (told) => {
      const news = NodeNewsInput.safeParse(told)
      if (!news.success) return
      this.news.set(news.data.nodeId, news.data)
      if (this.child !== null) void passOn(this.child, news.data)
    })
    // The child gives back its own, unless it was terminated.
    flow.undo(() => giveBackOwn(flow.request.endpoint))
  }

  /** GPUs that failed an earlier walk. */
  avoid(): Repair['avoid'] {
    return gpusToAvoid(this.earlier.tried)
  }

  /** After tries that failed, a plan that holds nothing ends as they did: what they met says more than what is free by now. */
  async choose(plan: () => Promise<Choice>): Promise<Choice> {
    try {
      this.choice = await plan()
    } catch (error) {
      if (this.choice === null || this.earlier.tried.length === 0 || rootFailure(error).type !== 'NoCandidate') throw error
      this.walks = MOST_REPLANS
    }
    return this.choice
  }

  /** Null: others were faster or GPUs failed, so the plan is old. */
  async walk(lock: Begun, named: PinnedModel, choice: Choice, nodes: NodeInspection[]): Promise<FallbackResult['ready']> {
    this.walks += 1
    const { steps, attempts } = this.flow
    const child = await this.start(await this.requestFor(lock, named, choice, nodes))
    this.child = child
    for (const news of this.news.values()) void passOn(child, news)
    try {
      const { ready, tried, last, spentMs } = await child.result()
      this.earlier = { tried, last, spentMs }
      if (ready === null) return null
      showChoice(ready.candidate)
      attempts.push(ready.attempt)
      steps.tell({ step: 'ready', state: 'done', detail: `answered ${ready.proof.tokens} tokens in ${ready.proof.ms} ms` })
      return ready
    } catch (error) {
      steps.breakOff('ended with the deploy')
      throw error
    } finally {
      this.child = null
    }
  }

  /** One of an earlier run that was terminated may still be at its undo: it is waited for. */
  private async start(request: FallbackRequest): Promise<ChildWorkflowHandle<typeof recipeFallback>> {
    const workflowId = `${workflowInfo().workflowId}/fallback/${this.walks}`
    this.news.clear()
    for (;;) {
      try {
        return await startChild<typeof recipeFallback>('recipeFallback', {
          workflowId,
          args: [request],
          parentClosePolicy: 'REQUEST_CANCEL',
          cancellationType: 'WAIT_CANCELLATION_COMPLETED',
          staticSummary: `starts ${request.endpoint}`,
        })
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
        await waiting.awaitClosed({ run: { workflowId, runId: '' } })
      }
    }
  }

  private async requestFor(
    { current }: Begun,
    named: PinnedModel,
    { plan, best, model }: Choice,
    nodes: NodeInspection[],
  ): Promise<FallbackRequest> {
    const { endpoint, port, fallback: policy, ref, repair } = this.flow.request
    // A branch or commit of one repository says nothing of another.
    const isOurs = (candidate: Candidate | Fallback) => ref === 'main' || candidate.model === named.repo
    const { workflowId, runId } = workflowInfo()
    const home = current?.replica.spec.port
    return {
      endpoint,
      replica: 0,
      model,
      named: { repo: named.repo, commit: named.commit },
      candidates: plan.candidates.filter(isOurs),
      fallback: plan.fallback.filter(isOurs),
      ...(port !== undefined && { port }),
      home: current === null || home === undefined ? null : { nodeId: current.replica.nodeId, port: home },
      current: repair?.gone === true ? null : (current?.replica ?? null),
      holders: await this.holdersOf(best, plan.candidates, nodes),
      policy,
      ...this.earlier,
      replans: this.walks <= MOST_REPLANS,
      holder: { workflowId, runId },
      parent: { workflowId, runId },
    }
  }

  /** Where the request named its node, the others are looked at only when they may have what it lacks. */
  private async holdersOf(best: Candidate, candidates: Candidate[], nodes: NodeInspection[]): Promise<FallbackRequest['holders']> {
    const others = this.flow.request.node === undefined || best.cached ? [] : await nodesBesides(nodes)
    const wanted = new Set(candidates.map(({ model }) => model))
    return [...nodes, ...others]
      .map(({ nodeId, peerUrl, cachedModels }) => ({ nodeId, peerUrl, cachedModels: cachedModels.filter((repo) => wanted.has(repo)) }))
      .filter(({ cachedModels }) => cachedModels.length > 0)
  }

  private hear({ steps = [], attempt, approval }: FallbackNews): void {
    for (const step of steps) this.flow.steps.tell(step)
    if (attempt !== undefined) this.flow.attempts.push(attempt)
    if (approval === undefined) return
    const workflowId = this.child?.workflowId ?? ''
    this.flow.steps.approval = approval === null ? undefined : { workflowId, question: approval.question, until: approval.until }
  }
}

/** Also while this flow is cancelled. A child that has closed needs no news, and what it does not hear must not end this flow. */
async function passOn(child: ChildWorkflowHandle<typeof recipeFallback>, news: NodeNews): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() => child.signal(NODE_SIGNAL, news))
  } catch (error) {
    log.info('what starts the engine could not be told of a node', { node: news.nodeId, error: rootMessage(error) })
  }
}

async function nodesBesides(looked: NodeInspection[]): Promise<NodeInspection[]> {
  const others = (await control.listNodes()).filter((nodeId) => !looked.some((each) => each.nodeId === nodeId))
  return (await lookAtNodes(others)).nodes
}
