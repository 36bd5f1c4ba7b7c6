import { setCurrentDetails } from '@temporalio/workflow'
import type { EndpointPhase, EndpointView, HealingStep } from '../src/contracts/endpoint.js'
import type { Supervision } from '../src/contracts/supervise.js'
import { show } from './visibility.js'

/** As many things that were done about problems as an endpoint remembers. */
const MOST_STEPS = 20

/**
 * What care and healing work on. `generation` grows when watches that run are of no more use, `adoptions` when another engine was taken over:
 * whatever is found out of the one before is nobody's concern then.
 */
export type Supervised = { endpoint: string; state: Supervision; generation: number; adoptions: number }

function phaseOf({ operation, replica, reason, degraded, standingDown, retired, trouble }: Supervision): EndpointPhase {
  if (operation?.kind === 'undeploy' || retired) return 'stopping'
  if (replica === null || (standingDown && operation?.kind === 'deploy')) return 'deploying'
  if (degraded) return 'degraded'
  if (trouble?.gone || standingDown) return 'repairing'
  return reason === null ? 'serving' : 'restarting'
}

export function viewOf({ endpoint, state }: Supervised): EndpointView {
  const { revision, replica, operation, reason, restarts, lastRestart, presence, healing } = state
  const [phase, next] = [phaseOf(state), nextOf(state)]
  const told = { reason: reason ?? silenceOf(state), next: next ?? (silenceOf(state) && AFTER_SILENCE) }
  return { endpoint, phase, ...told, revision, replica, operation, restarts, lastRestart, presence, healing }
}

/** What a silent node runs may serve all the same: the phase says nothing of it. */
const silenceOf = ({ replica, presence }: Supervision): string | null =>
  replica === null || presence === 'ready' ? null : `node ${replica.nodeId} does not answer`
const AFTER_SILENCE = 'it is left where it is until the node answers, or is lost when its grace time is over: then another place is sought'

/** Nothing is repaired beside an operation that a person asked for, however long that takes: to download, or to wait for an answer. */
function nextOf({ next, trouble, operation }: Supervision): string | null {
  if (trouble === null || operation?.kind !== 'deploy') return next
  return `${operation.workflowId} is at work: what it starts serves instead; ended or cancelled without that, it makes room for a repair`
}

/** Search attributes and details, so that the Temporal UI alone tells how it stands. */
export function publish({ endpoint, state }: Supervised): void {
  const { revision, replica, reason, presence } = state
  const [phase, next] = [phaseOf(state), nextOf(state)]
  show({
    AimState: phase,
    ...(revision !== null && { AimModel: revision.model, AimRecipe: revision.recipe, AimActor: revision.deployedBy }),
    ...(replica !== null && { AimNode: replica.nodeId, AimBackend: replica.spec.backend }),
  })
  const lines = [
    `**${endpoint}**: ${phase}`,
    reason ?? '',
    next === null ? '' : `next: ${next}`,
    revision === null ? '' : `revision ${revision.revision}: ${revision.model}@${revision.commit}`,
    replica === null ? '' : `${replica.url} on ${replica.nodeId}${presence === 'ready' ? '' : `, which is ${presence}`}`,
  ]
  setCurrentDetails(lines.filter((line) => line !== '').join('\n\n'))
}

type Whose = (step: HealingStep) => boolean
/** Care goes on while a repair seeks another place: each ends its own steps. */
export const byCare: Whose = ({ did }) => did === 'restart' || did === 'adopt'
export const byHealing: Whose = (step) => !byCare(step)
const anybody: Whose = () => true

/** Something is done about a problem from now on. What was under way before was overtaken by it, but for a repair beside care. */
export function beginStep(state: Supervision, did: HealingStep['did'], why: string): void {
  const step: HealingStep = { at: new Date().toISOString(), did, why, outcome: 'running', detail: '' }
  endStep(state, 'failed', 'overtaken', byCare(step) ? byCare : anybody)
  state.healing = [...state.healing, step].slice(-MOST_STEPS)
}

/** How what is under way came out, if anything is. */
export function endStep(state: Supervision, outcome: 'done' | 'failed', detail: string, whose = anybody): void {
  for (const step of state.healing) if (step.outcome === 'running' && whose(step)) Object.assign(step, { outcome, detail })
}

export function runningStep({ healing }: Supervision, whose: Whose): HealingStep | undefined {
  return healing.find((step) => step.outcome === 'running' && whose(step))
}
