import { expect, it } from 'vitest'
import { releaseEndpoint, tellServed } from '../../../activities/node/tell-ledger.js'
import { FakeLedger } from '../../support/fake-caches.js'

const snapshotOf = (digit: string): string => `/hub/models--org--a/snapshots/${digit.repeat(40)}`

/** What the ledger was told, in order: the first digit of a commit, or the kind. */
function told({ events }: FakeLedger): string[] {
  return events.map((event) => (event.kind === 'served' ? (event.commit[0] ?? '') : event.kind))
}

it('tells each change of what an endpoint serves once', async () => {
  const ledger = new FakeLedger()
  for (const digit of ['a', 'a', 'b', 'b', 'a']) await tellServed(ledger, 'chat', snapshotOf(digit))
  expect(told(ledger)).toEqual(['a', 'b', 'a'])
})

it('says nothing of weights that lie outside of the cache', async () => {
  const ledger = new FakeLedger()
  await tellServed(ledger, 'chat', '/models/mine')
  expect(ledger.events).toEqual([])
})

it('an engine that is proved again during a deploy takes nothing from what the deploy has asked for', async () => {
  const ledger = new FakeLedger()
  await tellServed(ledger, 'chat', snapshotOf('a'))
  const commit = 'b'.repeat(40)
  const at = new Date().toISOString()
  const asked = { kind: 'asked', at, repo: 'org/a', commit, endpoint: 'chat', outcome: 'hit', bytes: 1, fetchedBytes: 0, ms: 1 } as const
  await ledger.append(asked)
  await tellServed(ledger, 'chat', snapshotOf('a'))
  expect(told(ledger)).toEqual(['a', 'asked'])
})

it('serves anew after it was taken out of service, which is told once', async () => {
  const ledger = new FakeLedger()
  await releaseEndpoint(ledger, 'chat')
  await tellServed(ledger, 'chat', snapshotOf('a'))
  for (const endpoint of ['chat', 'chat', 'other']) await releaseEndpoint(ledger, endpoint)
  await tellServed(ledger, 'chat', snapshotOf('a'))
  expect(told(ledger)).toEqual(['a', 'released', 'a'])
})
