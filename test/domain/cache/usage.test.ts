import { describe, expect, it } from 'vitest'
import type { CacheEvent } from '../../../src/domain/cache/event.js'
import { revisionOfPath } from '../../../src/domain/cache/revision-path.js'
import { foldEvents, revisionKey, usersOf } from '../../../src/domain/cache/usage.js'
import { ago, asked, commitOf } from './scans.js'

const ask = (n: number, age: number): CacheEvent => asked('org/a', commitOf(n), 'chat', age)
const served = (n: number, age: number): CacheEvent => ({
  kind: 'served',
  at: ago(age),
  endpoint: 'chat',
  repo: 'org/a',
  commit: commitOf(n),
})

/** Which of the revisions 1 to 9 the endpoint keeps. */
function kept(...events: CacheEvent[]): number[] {
  const usage = foldEvents(events)
  return [1, 2, 3, 4, 5, 6, 7, 8, 9].filter((n) => usersOf(usage, revisionKey('org/a', commitOf(n))).includes('chat'))
}

describe('what an endpoint keeps', () => {
  it('is what it serves and what served before, however many deploys fail', () => {
    const good = [ask(1, 99), served(1, 98), ask(2, 97), served(2, 96)]
    expect(kept(...good, ask(3, 95), ask(4, 94), ask(5, 93))).toEqual([1, 2, 3, 4, 5])
    expect(kept(...good, ask(3, 95), ask(4, 94), ask(5, 93), served(5, 92))).toEqual([2, 5])
    expect(kept(...good, ask(1, 95), served(1, 94))).toEqual([1, 2])
  })

  it('is the last two that it asked for where nothing says what served', () => {
    expect(kept(ask(1, 99), ask(2, 98), ask(3, 97))).toEqual([2, 3])
    expect(kept(ask(1, 99), ask(2, 98), ask(3, 97), served(3, 96))).toEqual([2, 3])
    expect(kept(ask(1, 99), ask(2, 98), served(2, 97), ask(3, 96), served(3, 95))).toEqual([2, 3])
  })

  it('is nothing once it is out of service', () => {
    expect(kept(ask(1, 99), served(1, 98), ask(2, 97), { kind: 'released', at: ago(96), endpoint: 'chat' })).toEqual([])
  })
})

it.each([
  [`/srv/hub/models--org--a/snapshots/${commitOf(1)}`, { repo: 'org/a', commit: commitOf(1) }],
  [`/srv/hub/models--org--a/snapshots/${commitOf(1)}/q4/model.gguf`, { repo: 'org/a', commit: commitOf(1) }],
  [`/srv/hub/models--gpt2/snapshots/${commitOf(1)}/`, { repo: 'gpt2', commit: commitOf(1) }],
  [`/srv/hub/models--org--a/snapshots/${commitOf(1)}0`, null],
  ['/weights/chat', null],
])('%s is of the revision %j', (path, revision) => {
  expect(revisionOfPath(path)).toEqual(revision)
})
