import { CancellationScope, executeChild, isCancellation, log, workflowInfo } from '@temporalio/workflow'
import type { Refreshed, WarmInput } from '../src/contracts/cache-flows.js'
import { keyOf } from '../src/domain/cache/followed.js'
import { rootFailure } from './record.js'
import type { Moved, Refresh } from './refresh-steps.js'
import { rootMessage } from './steps.js'
import { warmCache } from './warm-cache.js'

/**
 * Brings every branch that moved to the nodes that follow it, and what is asked for ahead to its nodes: one `warmCache` after the
 * other, because all share the links of the nodes.
 */
export async function warmAll({ request, steps }: Refresh, moved: Moved[]): Promise<{ followed: Refreshed[]; prewarmed: Refreshed[] }> {
  if (moved.length + request.prewarm.length === 0) {
    steps.skip('warm')
    return { followed: [], prewarmed: [] }
  }
  return steps.run('warm', async (say) => {
    const followed: Refreshed[] = []
    for (const { commit: _, ...branch } of moved) followed.push(await warmOne('warm', branch, say))
    const prewarmed: Refreshed[] = []
    for (const wanted of request.prewarm) prewarmed.push(await warmOne('prewarm', wanted, say))
    const failed = [...followed, ...prewarmed].filter(({ outcome }) => outcome !== 'warmed')
    const behind = failed.map(({ model, outcome, error }) => `${model}: ${error?.message ?? outcome}`)
    say([`${followed.length} followed, ${prewarmed.length} ahead`, ...behind].join('; '))
    return { followed, prewarmed }
  })
}

/** Ids under that of this run: the warm-up of another person goes its own way, and both share what lies on the disks. */
async function warmOne(why: 'warm' | 'prewarm', input: WarmInput & { ref: string }, say: (detail: string) => void): Promise<Refreshed> {
  const { model, ref, file } = input
  const workflowId = `${workflowInfo().workflowId}/${why}/${keyOf({ model, ref, ...(file !== undefined && { file }) })}`
  const told = { model, ref, file: file ?? null, workflowId }
  say(workflowId)
  try {
    const result = await executeChild(warmCache, {
      workflowId,
      args: [input],
      parentClosePolicy: 'REQUEST_CANCEL',
      cancellationType: 'WAIT_CANCELLATION_COMPLETED',
      staticSummary: `brings ${model} to its nodes`,
    })
    return { ...told, commit: result.commit, outcome: result.outcome, nodes: result.nodes.map(({ nodeId }) => nodeId), error: null }
  } catch (error) {
    // A child that somebody cancelled by itself is a failure like any other.
    if (isCancellation(error) && CancellationScope.current().consideredCancelled) throw error
    const { type: code, message } = rootFailure(error)
    log.warn('a model was not brought', { model, ref, error: rootMessage(error) })
    return { ...told, commit: null, outcome: 'failed', nodes: input.nodes ?? [], error: { code, message } }
  }
}
