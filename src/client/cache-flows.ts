import { createHash } from 'node:crypto'
import type { Client, WorkflowExecutionInfo } from '@temporalio/client'
import { defineSearchAttributeKey } from '@temporalio/common'
import { RefreshRequest, WarmRequest, type CacheFlow, type RefreshResult, type WarmResult } from '../contracts/cache-flows.js'
import type { OperationProgress } from '../contracts/deploy.js'
import { PROGRESS_QUERY } from '../contracts/messages.js'
import type { SearchAttribute } from '../contracts/search-attributes.js'
import { validate } from '../contracts/validate.js'
import { workflowIds } from '../contracts/workflow-ids.js'
import { fingerprint } from '../domain/fingerprint.js'
import { toAimError } from './failures.js'
import { query } from './query.js'
import { startFlow } from './start-flow.js'
import type { AimClient } from './types.js'

/** The flows of the cache, started and listed. */
export function cacheFlows(client: Client): Pick<AimClient, 'warm' | 'refresh' | 'cacheFlows'> {
  return {
    async warm(input) {
      const request = validate(WarmRequest, input)
      const { model, ref, reason: _, ...narrowed } = request
      return startFlow<WarmResult>(client, {
        type: 'warmCache',
        workflowId: workflowIds.warm(model, ref),
        input: request,
        hash: hashOf(narrowed),
        summary: `brings ${model} to ${request.nodes?.join(', ') ?? 'the nodes'}`,
        other: 'runs beside it',
      })
    },

    async refresh(input) {
      const request = validate(RefreshRequest, input)
      const { reason: _, ...asked } = request
      return startFlow<RefreshResult>(client, {
        type: 'refreshCache',
        workflowId: workflowIds.refresh,
        input: request,
        hash: hashOf(asked),
        summary: 'looks after the caches',
        other: 'runs beside it',
      })
    },

    async cacheFlows(limit) {
      const found: Promise<CacheFlow>[] = []
      try {
        for await (const run of client.workflow.list({ query: `WorkflowType = 'warmCache' OR WorkflowType = 'refreshCache'` })) {
          found.push(flowOf(client, run))
          if (found.length === limit) break
        }
      } catch (error) {
        throw toAimError(error, 'the flows of the cache')
      }
      return Promise.all(found)
    },
  }
}

/** Short enough for an id: 48 bits tell the few requests apart that run at the same time. */
const hashOf = (asked: unknown): string => createHash('sha256').update(fingerprint(asked)).digest('hex').slice(0, 12)

async function flowOf(client: Client, run: WorkflowExecutionInfo): Promise<CacheFlow> {
  const { workflowId, runId, type, status, startTime, closeTime, typedSearchAttributes } = run
  const told = (name: SearchAttribute): string | null => typedSearchAttributes.get(defineSearchAttributeKey(name, 'KEYWORD')) ?? null
  const running = status.name === 'RUNNING'
  const ended = status.name === 'COMPLETED' ? (told('AimState') ?? 'completed') : status.name.toLowerCase().replaceAll('_', ' ')
  return {
    workflowId,
    runId,
    type,
    model: told('AimModel'),
    state: running ? (told('AimState') ?? 'running') : ended,
    running,
    actor: told('AimActor'),
    startedAt: startTime.toISOString(),
    endedAt: closeTime?.toISOString() ?? null,
    step: running ? await stepOf(client, workflowId, runId) : null,
  }
}

/** A flow that cannot be asked now, because no worker runs or it has just ended, is listed all the same. */
async function stepOf(client: Client, workflowId: string, runId: string): Promise<string | null> {
  try {
    const { steps } = await query<OperationProgress>(client, PROGRESS_QUERY, workflowId, runId, STEP_MS)
    const step = steps.find(({ state }) => state === 'running')
    return step === undefined ? null : [step.step, step.detail].filter((part) => part !== undefined).join(': ')
  } catch {
    return null
  }
}

/** A list does not wait long for one of its lines. */
const STEP_MS = 3_000
