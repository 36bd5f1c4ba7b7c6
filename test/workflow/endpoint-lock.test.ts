import { expect, test } from 'vitest'
import type { EndpointRevision, Replica } from '../../src/contracts/endpoint.js'
import { DeployRequest } from '../../src/contracts/deploy.js'
import type { Supervision } from '../../src/contracts/supervise.js'
import { adopt, begin, end, newSupervision, retire } from '../../workflows/endpoint-lock.js'

let runs = 0

/** A deploy of one revision by a run of its own; `stands` is called while the engine before stands down. */
function deploy(state: Supervision, revision: number, stands: () => void = () => {}): void {
  const run = takeLock(state)
  state.standingDown = true
  stands()
  adopt(state, { ...run, replica: replica(), revision: numbered(revision) }, 1_000)
}

function takeLock(state: Supervision) {
  const run = { workflowId: 'deploy/chat', runId: String((runs += 1)) }
  begin(state, { ...run, kind: 'deploy', requestFingerprint: '', revisionFloor: 0 })
  return run
}

function numbered(revision: number): EndpointRevision {
  const of = { model: 'org/name', commit: 'a'.repeat(40), recipe: 'r', specFingerprint: 's', deployedAt: '', deployedBy: 'me' }
  return { revision, ...of, request: DeployRequest.parse({ endpoint: 'chat', model: 'org/name' }) }
}

function replica(): Replica {
  const parallel = { tensor: 1, pipeline: 1, data: 1, expert: false }
  const spec = { backend: 'llamacpp', servedName: 'chat', modelPath: '/w', gpus: [], parallel, settings: {}, args: {}, env: {} } as const
  const key = { namespace: 'n', endpoint: 'chat', replica: 0, fence: runs, launch: 1 }
  return { key, nodeId: 'node', spec: { ...spec, gpus: [] }, url: 'http://127.0.0.1:9500', pid: 1, weightBytes: 1 }
}

test('a rollback comes back to the revision that served well until the one at hand took its place', () => {
  const state = newSupervision(0)
  deploy(state, 1)
  expect(state.good).toBeNull()
  deploy(state, 2)
  expect(state.good?.revision).toBe(1)
  // The same revision in another place, after a drain.
  deploy(state, 2)
  expect(state.good?.revision).toBe(1)
  // One that does not serve when it makes way is nothing to come back to.
  deploy(state, 3, () => (state.provedAtMs = null))
  expect(state.good?.revision).toBe(1)
})

test('a deploy that fails leaves the good revision, and the engine that comes back is proved', () => {
  const state = newSupervision(0)
  deploy(state, 1)
  deploy(state, 2)
  const run = takeLock(state)
  state.standingDown = true
  end(state, run)
  expect(state).toMatchObject({ good: { revision: 1 }, provedAtMs: null, standingDown: false, operation: null })
})

test('a deploy after a stop begins without what went wrong before', () => {
  const state = newSupervision(0)
  deploy(state, 1)
  deploy(state, 2)
  const trouble = { kind: 'crash', why: 'boom', avoid: [], gone: true, rung: 'repair', tries: 3, retryAtMs: 9 } as const
  Object.assign(state, { trouble, degraded: true, reason: 'boom', next: 'a repair' })
  retire(state, takeLock(state))
  takeLock(state)
  expect(state).toMatchObject({ good: null, trouble: null, degraded: false, reason: null, next: null, replica: null, retired: false })
})
