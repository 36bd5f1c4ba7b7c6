import { expect, test } from 'vitest'
import { newBook } from '../../src/domain/node-book.js'
import { withStanding } from '../../src/domain/node-standing.js'
import { aGpu } from '../support/gpus.js'
import { aNode } from '../support/nodes.js'

const node = aNode({ gpus: [0, 1, 2].map((index) => aGpu({ index })), labels: { zone: 'a' } })
const lease = (endpoint: string, gpus: number[]) => ({
  endpoint,
  replica: 0,
  gpus,
  fence: 1,
  state: 'bound' as const,
  owner: { workflowId: 'w', runId: 'r' },
  grantedAt: '',
})
const standing = {
  ...newBook(0),
  nodeId: node.nodeId,
  leases: [lease('chat', [0]), lease('other', [1])],
  quarantined: [{ gpu: 2, reason: 'page faults', by: 'ann', at: '' }],
  labels: { rack: '7' },
}

test('what others have and what is in quarantine is withheld; the endpoint’s own is not', () => {
  const { gpus, labels, cordoned } = withStanding(node, standing, 'chat')
  expect(gpus.map(({ withheld }) => withheld?.why)).toEqual([undefined, 'leased to other', 'page faults'])
  expect(gpus[1]?.withheld).toMatchObject({ by: 'lease', endpoint: 'other' })
  expect(labels).toEqual({ zone: 'a', rack: '7' })
  expect(cordoned).toBeUndefined()
})

test('for nobody in particular every lease is withheld', () => {
  expect(withStanding(node, standing, null).gpus[0]?.withheld?.endpoint).toBe('chat')
})

test('a cordon is told with its reason; a node that nobody owns is as it shows itself', () => {
  const cordon = { reason: 'new memory', by: 'ann', at: '', drain: false }
  expect(withStanding(node, { ...standing, cordon }, 'chat').cordoned).toBe('the node is cordoned: new memory')
  expect(withStanding(node, { ...standing, cordon: { ...cordon, drain: true } }, 'chat').cordoned).toBe(
    'the node is being drained: new memory',
  )
  expect(withStanding(node, undefined, 'chat')).toBe(node)
})
