import { expect, test } from 'vitest'
import type { EndpointView } from '../../src/contracts/endpoint.js'
import type { Lease } from '../../src/domain/lease.js'
import { violationsOf, type Facts } from './invariants.js'

const key = { namespace: 'default', endpoint: 'chat', replica: 0, fence: 7, launch: 1 }
const lease: Lease = {
  endpoint: 'chat',
  replica: 0,
  gpus: [0, 1],
  fence: 7,
  state: 'bound',
  owner: { workflowId: 'deploy/chat', runId: 'closed' },
  grantedAt: '2026-01-01T00:00:00.000Z',
}
const view = {
  endpoint: 'chat',
  phase: 'serving',
  reason: null,
  operation: null,
  replica: { key, nodeId: 'n1', spec: { gpus: [0, 1] }, url: 'http://127.0.0.1:9000', pid: 11, weightBytes: 1 },
} as unknown as EndpointView

/** A cluster in which one endpoint serves, as it should. */
function sound(): Facts {
  return structuredClone({
    nodes: [
      { nodeId: 'n1', presence: 'ready', leases: [lease], quarantined: [] },
      { nodeId: 'n2', presence: 'ready', leases: [], quarantined: [] },
    ],
    endpoints: [{ name: 'chat', wanted: 'serving', view, answered: 'chat' }],
    engines: [{ nodeId: 'n1', key, gpus: [0, 1], pids: [11, 12] }],
    openRuns: ['open'],
    unfinished: [],
    mayDegrade: false,
    needless: [],
    halfWritten: [],
    failedTasks: [],
    shared: [],
  } satisfies Facts)
}

test('a sound cluster breaks nothing, and neither does an empty one', () => {
  expect(violationsOf(sound())).toEqual([])
  expect(
    violationsOf({
      nodes: [],
      endpoints: [],
      engines: [],
      openRuns: [],
      unfinished: [],
      mayDegrade: false,
      needless: [],
      halfWritten: [],
      failedTasks: [],
      shared: [],
    }),
  ).toEqual([])
})

test('an endpoint that says why it cannot serve is not lost, where the fault is a reason', () => {
  const facts = { ...sound(), mayDegrade: true }
  facts.endpoints[0]!.view = { ...view, phase: 'degraded', reason: 'crash loop: boom' }
  facts.endpoints[0]!.answered = null
  facts.engines = []
  expect(violationsOf(facts)).toEqual([])
  expect(violationsOf({ ...facts, mayDegrade: false }).map(({ what }) => what)).toContain(
    'chat is degraded, which the fault is no reason for: crash loop: boom',
  )
})

test('a deploy that failed may leave the state before, or nothing', () => {
  const facts = sound()
  facts.endpoints[0]!.wanted = 'whichever'
  expect(violationsOf(facts)).toEqual([])
  facts.endpoints[0]!.view = null
  facts.engines = []
  facts.nodes[0]!.leases = []
  expect(violationsOf(facts)).toEqual([])
})

const PLANTED: [what: string, plant: (facts: Facts) => void, found: string[]][] = [
  [
    'a GPU leased twice',
    ({ nodes }) =>
      nodes[0]!.leases.push({ ...lease, endpoint: 'other', gpus: [1, 2], owner: { workflowId: 'w', runId: 'open' }, state: 'reserved' }),
    ['one owner per GPU: GPU 1 of n1 is leased to chat/0/7 and other/0/7'],
  ],
  [
    'a GPU that two engines had during the run',
    ({ shared }) => shared.push({ nodeId: 'n1', gpu: 3, engines: ['a', 'b'] }),
    ['one owner per GPU: GPU 3 of n1 was used by a and b at the same time'],
  ],
  [
    'an engine that nobody knows',
    ({ engines }) => engines.push({ nodeId: 'n2', key: { ...key, endpoint: 'ghost' }, gpus: [], pids: [99] }),
    ['no orphan: default/ghost/0/7/1 on n2 (pid 99) runs without a lease'],
  ],
  [
    'an engine of an older launch under the same lease',
    ({ endpoints }) => (endpoints[0]!.view!.replica!.key = { ...key, launch: 2 }),
    [
      'no orphan: default/chat/0/7/1 on n1 (pid 11, 12) is no replica of its endpoint',
      'state equals reality: chat serves by default/chat/0/7/2, which does not run',
    ],
  ],
  [
    'an engine that its endpoint left behind on another node',
    ({ engines, nodes }) => {
      nodes[1]!.leases.push({ ...lease, fence: 5 })
      engines.push({ nodeId: 'n2', key: { ...key, fence: 5 }, gpus: [0, 1], pids: [98] })
    },
    [
      'no orphan: default/chat/0/5/1 on n2 (pid 98) is no replica of its endpoint',
      'at most one routed engine per replica: chat/0 runs 2 times: default/chat/0/7/1 on n1 and default/chat/0/5/1 on n2',
      'state equals reality: chat/0/5 on n2 is bound and no replica of its endpoint',
    ],
  ],
  [
    'an endpoint without an owner',
    (facts) => {
      facts.endpoints[0]!.view = null
      facts.engines = []
      facts.nodes[0]!.leases = []
    },
    ['no lost endpoint: chat was deployed and nobody owns it'],
  ],
  [
    'an endpoint that was stopped and is still there',
    ({ endpoints }) => (endpoints[0]!.wanted = 'stopped'),
    ['no lost endpoint: chat was stopped and still has an owner: serving'],
  ],
  [
    'a lock that nobody freed',
    ({ endpoints }) =>
      (endpoints[0]!.view!.operation = { kind: 'deploy', workflowId: 'deploy/chat', runId: 'closed', requestFingerprint: 'f', fence: 8 }),
    ['no lost endpoint: chat is locked by deploy/chat'],
  ],
  [
    'an endpoint that neither serves nor says why not',
    ({ endpoints }) => Object.assign(endpoints[0]!.view!, { phase: 'restarting' }),
    ['no lost endpoint: chat is restarting and does not say why it cannot serve: no reason'],
  ],
  [
    'an endpoint that serves under a lease which is not its own yet',
    ({ nodes }) => Object.assign(nodes[0]!.leases[0]!, { state: 'reserved', owner: { workflowId: 'w', runId: 'open' } }),
    ['state equals reality: chat serves on n1 without a bound lease of fence 7'],
  ],
  [
    'an engine on other GPUs than leased',
    ({ engines }) => (engines[0]!.gpus = [2, 3]),
    ['state equals reality: chat runs on GPUs 2,3, not on 0,1'],
  ],
  [
    'another process than the one that is kept',
    ({ engines }) => (engines[0]!.pids = [44]),
    ['state equals reality: chat serves by pid 11; its engine is 44'],
  ],
  [
    'an engine that does not answer',
    ({ endpoints }) => (endpoints[0]!.answered = null),
    ['state equals reality: chat serves and answers nothing'],
  ],
  [
    'an address at which another model answers',
    ({ endpoints }) => (endpoints[0]!.answered = 'other'),
    ['state equals reality: chat serves and answers as other'],
  ],
  [
    'a lease that was left bound',
    ({ nodes }) => nodes[1]!.leases.push({ ...lease, endpoint: 'gone', fence: 3 }),
    ['state equals reality: gone/0/3 on n2 is bound and no replica of its endpoint'],
  ],
  [
    'an engine on a GPU in quarantine',
    ({ nodes }) => nodes[0]!.quarantined.push({ gpu: 1, reason: 'ECC', by: 'me', at: '' }),
    ['no engine on a quarantined GPU: default/chat/0/7/1 on n1 runs on quarantined GPU 1'],
  ],
  ['a half-written file', ({ halfWritten }) => halfWritten.push('n1/x.part'), ['nothing half-written: n1/x.part was left']],
  [
    'a lease reserved for a flow that has ended',
    ({ nodes }) => nodes[1]!.leases.push({ ...lease, endpoint: 'late', state: 'reserved' }),
    ['no lease of a flow that has ended: late/0/7 on n2 is reserved for deploy/chat, which has ended'],
  ],
  [
    'a flow that hangs',
    ({ unfinished }) => unfinished.push('deployModel deploy/chat'),
    ['every flow ends: deployModel deploy/chat still runs'],
  ],
  [
    'an operation that failed for no reason',
    ({ needless }) => needless.push('deploy chat: Internal: boom'),
    ['nothing fails needlessly: deploy chat: Internal: boom'],
  ],
  ['a node that did not come back', ({ nodes }) => (nodes[1]!.presence = 'lost'), ['every node is ready: n2 is lost']],
  [
    'a failed workflow task',
    ({ failedTasks }) => failedTasks.push({ workflowId: 'node/n1', cause: 'NON_DETERMINISTIC_ERROR', message: 'nondeterminism' }),
    ['no failed workflow task: a task of node/n1 failed: NON_DETERMINISTIC_ERROR: nondeterminism'],
  ],
]

test.each(PLANTED)('finds %s', (_, plant, found) => {
  const facts = sound()
  plant(facts)
  expect(violationsOf(facts).map(({ invariant, what }) => `${invariant}: ${what}`)).toEqual(found)
})
