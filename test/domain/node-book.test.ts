import { describe, expect, test } from 'vitest'
import type { Claim, NodeBook } from '../../src/domain/lease.js'
import {
  bind,
  clear,
  giveBack,
  grant,
  newBook,
  quarantine,
  recover,
  relabel,
  release,
  reservers,
  withFenceAbove,
} from '../../src/domain/node-book.js'

const AT = '2026-11-27T00:00:00.000Z'
const ready = { presence: 'ready', gpus: [0, 1, 2, 3] } as const
const run = (name: string) => ({ workflowId: `deploy/${name}`, runId: `run-${name}` })
const claim = (endpoint: string, gpus: number[], owner = run(endpoint)): Claim => ({ endpoint, replica: 0, gpus, owner })
const cordon = { reason: 'new memory', by: 'ann', at: AT, drain: false }

function granted(book: NodeBook, asked: Claim): { book: NodeBook; fence: number } {
  const { book: next, answer } = grant(book, ready, asked, AT)
  if (answer.outcome === 'refused') throw new Error(answer.why)
  return { book: next, fence: answer.fence }
}
const refused = (book: NodeBook, asked: Claim, standing: Parameters<typeof grant>[1] = ready) => {
  const { book: next, answer } = grant(book, standing, asked, AT)
  expect(next).toBe(book)
  return answer.outcome === 'refused' ? answer.why : null
}

describe('grant', () => {
  test('fences grow with each grant, from the clock of a new book', () => {
    const one = granted(newBook(1_000), claim('a', [0]))
    const two = granted(one.book, claim('b', [2, 1]))
    expect([one.fence, two.fence]).toEqual([1_001, 1_002])
    expect(two.book.leases).toMatchObject([
      { endpoint: 'a', gpus: [0], state: 'reserved' },
      { endpoint: 'b', gpus: [1, 2], grantedAt: AT },
    ])
  })

  test('a node that remembers a higher fence than the book is believed, one with a lower is not', () => {
    expect(granted(withFenceAbove(newBook(10), 99), claim('a', [0])).fence).toBe(100)
    expect(granted(withFenceAbove(newBook(10), 3), claim('a', [0])).fence).toBe(11)
  })

  test('asked again by the same owner for the same, the answer is the same', () => {
    const first = granted(newBook(0), claim('a', [0, 1]))
    const again = grant({ ...first.book, cordon }, ready, claim('a', [1, 0]), AT)
    expect(again.answer).toEqual({ outcome: 'granted', fence: first.fence })
    expect(again.book.leases).toHaveLength(1)
  })

  test('a GPU has one endpoint', () => {
    const { book, fence } = granted(newBook(0), claim('a', [0, 1]))
    expect(refused(book, claim('b', [1, 2]))).toBe('GPU 1 is leased to a, which is being deployed')
    expect(refused(bind(book, { endpoint: 'a', replica: 0, fence }), claim('b', [0]))).toBe('GPU 0 is leased to a')
    expect(refused(book, { ...claim('a', [0]), replica: 1 })).toBe('GPU 0 is leased to a, which is being deployed')
  })

  test('a place on the processor is never taken by another', () => {
    const { book } = granted(newBook(0), claim('a', []))
    expect(granted(book, claim('b', [])).book.leases).toHaveLength(2)
  })

  test.each([
    ['an unknown GPU', newBook(0), ready, 'there is no GPU 7'],
    ['a silent node', newBook(0), { ...ready, presence: 'unknown' }, 'the node does not answer now'],
    ['a lost node', newBook(0), { ...ready, presence: 'lost' }, 'the node is lost'],
    ['a cordon', { ...newBook(0), cordon }, ready, 'the node is cordoned: new memory'],
    ['a drain', { ...newBook(0), cordon: { ...cordon, drain: true } }, ready, 'the node is being drained: new memory'],
  ] as const)('%s is a reason to refuse', (_, book, standing, why) => {
    expect(refused(book, claim('a', [7]), standing)).toBe(why)
  })
})

describe('a replacement', () => {
  test('reserves over its own lease; bind ends the older one', () => {
    const old = granted(newBook(0), claim('a', [0]))
    const served = bind(old.book, { endpoint: 'a', replica: 0, fence: old.fence })
    const next = granted(served, claim('a', [0, 1], run('second')))
    const bound = bind(next.book, { endpoint: 'a', replica: 0, fence: next.fence })
    expect(bound.leases).toMatchObject([{ fence: next.fence, state: 'bound', gpus: [0, 1] }])
    expect(refused(bound, claim('b', [1]))).toBe('GPU 1 is leased to a')
  })

  test('that fails gives back what it reserved, and the older one stays', () => {
    const old = granted(newBook(0), claim('a', [0]))
    const served = bind(old.book, { endpoint: 'a', replica: 0, fence: old.fence })
    const next = granted(served, claim('a', [0, 1], run('second')))
    expect(release(next.book, { endpoint: 'a', replica: 0, fence: next.fence }).leases).toMatchObject(served.leases)
    expect(giveBack(next.book, { endpoint: 'a', owner: run('second') }).leases).toMatchObject(served.leases)
    expect(giveBack(next.book, { endpoint: 'a' }).leases).toEqual([])
  })

  test('keeps what it reserved while what served until now comes back under a newer lease, and asks for the newest in its turn', () => {
    const old = granted(newBook(0), claim('a', [0]))
    const served = bind(old.book, { endpoint: 'a', replica: 0, fence: old.fence })
    const next = granted(served, claim('a', [1], run('second')))
    const back = granted(next.book, claim('a', [0], run('endpoint')))
    const bound = bind(back.book, { endpoint: 'a', replica: 0, fence: back.fence })
    expect(bound.leases).toMatchObject([
      { fence: next.fence, state: 'reserved', gpus: [1] },
      { fence: back.fence, state: 'bound', gpus: [0] },
    ])
    expect(refused(bound, claim('b', [1]))).toBe('GPU 1 is leased to a, which is being deployed')
    const again = granted(bound, claim('a', [1], run('second')))
    expect(again.fence).toBeGreaterThan(back.fence)
    expect(again.book.leases.map(({ fence }) => fence)).toEqual([back.fence, again.fence])
    expect(granted(again.book, claim('a', [1], run('second'))).book).toBe(again.book)
  })

  test('of which the older lease is bound after the newer one loses it, as it does what its own workflow has reserved', () => {
    const mine = { workflowId: 'endpoint/a', runId: 'r' }
    const older = granted(newBook(0), claim('a', [0], mine))
    const newer = granted(older.book, claim('a', [1], run('second')))
    const bound = bind(newer.book, { endpoint: 'a', replica: 0, fence: newer.fence })
    expect(bound.leases).toMatchObject([{ fence: newer.fence, state: 'bound' }])
    expect(bind(bound, { endpoint: 'a', replica: 0, fence: older.fence }).leases).toEqual(bound.leases)
    const late = granted(bound, claim('a', [0], run('third')))
    const both = bind(late.book, { endpoint: 'a', replica: 0, fence: late.fence })
    expect(bind(both, { endpoint: 'a', replica: 0, fence: newer.fence }).leases).toMatchObject([{ fence: late.fence, state: 'bound' }])
  })

  test('of which the older lease is bound late leaves the newer one', () => {
    const old = granted(newBook(0), claim('a', [0]))
    const next = granted(old.book, claim('a', [1], run('second')))
    expect(bind(next.book, { endpoint: 'a', replica: 0, fence: old.fence }).leases).toMatchObject([
      { fence: old.fence, state: 'bound' },
      { fence: next.fence, state: 'reserved' },
    ])
  })
})

test('a lease that is gone is neither bound nor released again', () => {
  const { book, fence } = granted(newBook(0), claim('a', [0]))
  const gone = release(book, { endpoint: 'a', replica: 0, fence })
  expect(bind(gone, { endpoint: 'a', replica: 0, fence }).leases).toEqual([])
  expect(release(gone, { endpoint: 'a', replica: 0, fence }).leases).toEqual([])
})

describe('a lease that an endpoint serves under and its book has lost', () => {
  const told = { endpoint: 'a', replica: 0, fence: 7, gpus: [0] }

  test('is written anew, once, and fences go on above it', () => {
    const book = bind(newBook(0), told, 'now')
    expect(book).toMatchObject({ fence: 7, leases: [{ ...told, state: 'bound', grantedAt: 'now' }] })
    expect(bind(book, told, 'later')).toEqual(book)
    expect(recover(book, [told], 'later').leases).toEqual(book.leases)
  })

  test('is not when somebody has a GPU of it since, or the replica has a newer one', () => {
    const { book } = granted(newBook(0), claim('b', [0, 1]))
    expect(bind(book, told)).toBe(book)
    const next = granted(newBook(9), claim('a', [1])).book
    expect(bind(next, told)).toBe(next)
  })
})

test('a GPU in quarantine is given to nobody until it is cleared, and keeps its first reason', () => {
  const entry = { gpu: 2, reason: 'page faults', by: 'deploy/a', at: AT }
  const barred = quarantine(quarantine(newBook(0), entry), { ...entry, reason: 'later' })
  expect(refused(barred, claim('a', [2]))).toBe('GPU 2 is in quarantine: page faults')
  expect(granted(barred, claim('a', [3])).fence).toBe(1)
  expect(granted(clear(barred, { gpu: 2 }), claim('a', [2])).fence).toBe(1)
})

test('a quarantine that a proof may end is that one’s, and a person’s takes its place', () => {
  const held = { gpu: 2, reason: 'memory', by: 'deploy/a', at: AT, freeBytes: 5 }
  const byPerson = { gpu: 2, reason: 'page faults', by: 'ann', at: '2030-01-01T00:00:00.000Z' }
  const barred = quarantine(newBook(0), held)
  expect(quarantine(barred, { ...held, reason: 'later' })).toBe(barred)
  expect(clear(barred, { gpu: 2, at: AT }).quarantined).toEqual([])
  const both = quarantine(barred, byPerson)
  expect(both.quarantined).toEqual([byPerson])
  expect(clear(both, { gpu: 2, at: AT })).toBe(both)
  expect(quarantine(both, held)).toBe(both)
})

test('labels are set over and removed', () => {
  const book = relabel(relabel(newBook(0), { set: { zone: 'a', rack: '7' }, remove: [] }), { set: { zone: 'b' }, remove: ['rack'] })
  expect(book.labels).toEqual({ zone: 'b' })
})

test('each flow with something reserved is named once', () => {
  const one = granted(newBook(0), claim('a', [0]))
  const two = granted(one.book, { ...claim('a', [1]), replica: 1 })
  const three = granted(two.book, claim('b', [2]))
  expect(reservers(three.book)).toEqual([run('a'), run('b')])
  expect(reservers(bind(three.book, { endpoint: 'b', replica: 0, fence: three.fence }))).toEqual([run('a')])
})
