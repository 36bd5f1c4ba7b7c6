import { log } from '@temporalio/workflow'
import { REFRESH_STEPS, RefreshRequest, type RefreshResult } from '../src/contracts/cache-flows.js'
import { parseInput } from './input.js'
import { recorded, type Ending } from './record.js'
import { admitRefresh, lookAtCaches, prune, resolve, verifySample, type Caches, type Refresh } from './refresh-steps.js'
import { warmAll } from './refresh-warm.js'
import { Steps } from './steps.js'
import { show } from './visibility.js'

/**
 * Looks after the caches of all nodes: brings the new commits of the branches that they follow and what is asked for ahead, evicts by
 * policy, and proves a sample. What fails on one branch or node is told in the result and stops nothing else.
 */
export async function refreshCache(input: unknown): Promise<RefreshResult> {
  const request = parseInput(RefreshRequest, input ?? {})
  const steps = new Steps(REFRESH_STEPS)
  show({ AimState: 'refreshing' })
  const result = await recorded(() => refresh({ request, steps }))
  show({ AimState: result.outcome })
  return result
}

async function refresh(flow: Refresh): Promise<Ending<RefreshResult>> {
  await admitRefresh(flow)
  const caches = await lookAtCaches(flow)
  const { moved, unchanged, failed } = await resolve(flow, caches)
  const { followed, prewarmed } = await warmAll(flow, moved)
  await prune(flow, caches)
  await verifySample(flow, caches)
  const result = resultOf(flow, caches, { unchanged, followed: [...failed, ...followed], prewarmed })
  const { outcome, nodes } = result
  log.info('the caches were refreshed', { outcome, unchanged, moved: moved.length, prewarmed: prewarmed.length, nodes: nodes.length })
  return { state: outcome, revision: null, result }
}

function resultOf(
  { steps }: Refresh,
  { nodes: looked, silent }: Caches,
  warmed: Pick<RefreshResult, 'unchanged' | 'followed' | 'prewarmed'>,
): RefreshResult {
  const nodes = [
    ...looked.map(({ nodeId, pruned, verified, failure }): RefreshResult['nodes'][number] => {
      const outcome = failure === null ? 'done' : failure.isSilent ? 'silent' : 'failed'
      return { nodeId, outcome, pruned, verified, error: failure && failure.error }
    }),
    ...silent.map(({ nodeId, why }) => {
      return { nodeId, outcome: 'silent', pruned: null, verified: null, error: { code: 'NoNode', message: why } } as const
    }),
  ].toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  const good =
    nodes.every(({ error }) => error === null) && [...warmed.followed, ...warmed.prewarmed].every(({ outcome }) => outcome === 'warmed')
  return { outcome: good ? 'refreshed' : 'partly refreshed', ...warmed, nodes, timings: steps.timings() }
}
