import { WorkflowNotFoundError, WorkflowUpdateFailedError, type Client } from '@temporalio/client'
import type { OperationProgress } from '../contracts/deploy.js'
import type { EndpointView } from '../contracts/endpoint.js'
import { AimError } from '../contracts/errors.js'
import { APPROVE_UPDATE, ApprovalAnswer, REJECT_UPDATE } from '../contracts/fallback.js'
import { ENDPOINT_QUERY, PROGRESS_QUERY } from '../contracts/messages.js'
import { EndpointName } from '../contracts/names.js'
import { validate } from '../contracts/validate.js'
import { workflowIds } from '../contracts/workflow-ids.js'
import { toAimError } from './failures.js'
import { query } from './query.js'

/** A question that a deploy waits with, and what was said to it. */
export type Answered = { endpoint: string; question: string; workflowId: string; answer: 'approved' | 'rejected' }

/** A person's answers to what a deploy asks before it gives something up. */
export function approvals(client: Client) {
  async function questionOf(endpoint: string): Promise<NonNullable<OperationProgress['approval']>> {
    try {
      const { operation } = await query<EndpointView>(client, ENDPOINT_QUERY, workflowIds.endpoint(endpoint))
      if (operation === null) throw nothingAsked(endpoint)
      const { approval } = await query<OperationProgress>(client, PROGRESS_QUERY, operation.workflowId, operation.runId)
      if (approval === undefined) throw nothingAsked(endpoint)
      return approval
    } catch (error) {
      throw toAimError(error, `endpoint ${endpoint}`)
    }
  }

  return {
    async answer(name: string, yes: boolean, reason?: string): Promise<Answered> {
      const endpoint = validate(EndpointName, name)
      const by = client.options.identity ?? 'unknown'
      const { workflowId, question } = await questionOf(endpoint)
      const args: [ApprovalAnswer] = [validate(ApprovalAnswer, { question, by, ...(reason !== undefined && { reason }) })]
      try {
        await client.workflow.getHandle(workflowId).executeUpdate<void, [ApprovalAnswer]>(yes ? APPROVE_UPDATE : REJECT_UPDATE, { args })
      } catch (error) {
        const late = error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError
        throw late ? nothingAsked(endpoint, error) : error
      }
      return { endpoint, question, workflowId, answer: yes ? 'approved' : 'rejected' }
    },
  }
}

function nothingAsked(endpoint: string, cause?: unknown): AimError {
  return new AimError(
    'NotFound',
    { what: `a question of endpoint ${endpoint}`, next: `what it does now: aim status ${endpoint}` },
    { cause },
  )
}
