import { ActivityFailure, TimeoutFailure, type ApplicationFailure } from '@temporalio/workflow'
import type { FlowError } from '../src/contracts/cache-flows.js'
import type { ErrorDetails } from '../src/contracts/errors.js'
import { failure } from './input.js'
import { rootFailure } from './record.js'

/** Why a node's part did not work out. `isSilent`: nobody there took the work up, or whoever did is gone. */
export type NodeFailure = { error: FlowError; details: ErrorDetails; isSilent: boolean }

export function nodeFailure(nodeId: string, thrown: unknown): NodeFailure {
  const { type: code, message, details } = rootFailure(thrown)
  const isSilent =
    thrown instanceof ActivityFailure && thrown.cause instanceof TimeoutFailure && thrown.cause.timeoutType !== 'START_TO_CLOSE'
  if (!isSilent) return { error: { code, message }, details, isSilent }
  const reasons = `${nodeId} does not answer`
  return { error: { code: 'NoNode', message: reasons }, details: { reasons }, isSilent }
}

type Failed = { nodeId: string; error: FlowError | null; details: ErrorDetails }

/** Where no node has the model: the one reason that all share, with its code; else all reasons. */
export function noneWarmed(model: string, { nodes }: { nodes: readonly Failed[] }): ApplicationFailure {
  const failed = nodes.flatMap(({ nodeId, error, details }) => (error === null ? [] : [{ nodeId, ...error, details }]))
  const [first] = failed
  if (first !== undefined && failed.every(({ code }) => code === first.code)) return failure(first.code, first.message, first.details)
  const reasons = failed.map(({ nodeId, message }) => `${nodeId}: ${message}`).join('; ')
  return failure('NoneWarmed', `${model} was brought to no node: ${reasons}`, { model, reasons })
}
