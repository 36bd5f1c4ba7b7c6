import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { filesFromOutside, peersOf, seeders, sizeOf, spreadFiles, type Holder } from '../../../src/domain/cache/spread.js'

const files = fc.uniqueArray(fc.record({ path: fc.string({ minLength: 1 }), size: fc.integer({ min: 0, max: 10_000 }) }), {
  selector: ({ path }) => path,
  maxLength: 40,
})
const nodeIds = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 8 })
const holderOf = (nodeId: string, missing: string[], change: Partial<Holder> = {}): Holder => ({
  nodeId,
  peerUrl: `http://${nodeId}`,
  missing: new Set(missing),
  freeBytes: 1_000_000,
  ...change,
})

describe('what each node brings', () => {
  test('every file goes to exactly one node', () => {
    fc.assert(
      fc.property(files, nodeIds, (wanted, ids) => {
        const shared = spreadFiles(wanted, ids).flatMap((share) => share.files)
        expect(shared.map(({ path }) => path).toSorted()).toEqual(wanted.map(({ path }) => path).toSorted())
      }),
    )
  })

  test('no node has more than the largest file above another', () => {
    fc.assert(
      fc.property(files, nodeIds, (wanted, ids) => {
        const shares = new Map(spreadFiles(wanted, ids).map((share) => [share.nodeId, share.bytes]))
        const loads = ids.map((id) => shares.get(id) ?? 0)
        const largest = Math.max(0, ...wanted.map(({ size }) => size))
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(largest)
      }),
    )
  })

  test('the order of what is given changes nothing, and the bytes are those of the files', () => {
    fc.assert(
      fc.property(files, nodeIds, (wanted, ids) => {
        const shares = spreadFiles(wanted, ids)
        expect(spreadFiles(wanted.toReversed(), ids.toReversed())).toEqual(shares)
        for (const share of shares) expect(share.bytes).toBe(sizeOf(share.files))
      }),
    )
  })

  test('without nodes nobody brings anything', () => {
    expect(spreadFiles([{ path: 'a', size: 1 }], [])).toEqual([])
  })

  test('the largest first, to whom has least', () => {
    const sizes = [5, 4, 3, 3].map((size, index) => ({ path: `f${index}`, size }))
    const shares = spreadFiles(sizes, ['b', 'a']).map(({ nodeId, files: share, bytes }) => [nodeId, share.map(({ path }) => path), bytes])
    expect(shares).toEqual([
      ['a', ['f0', 'f3'], 8],
      ['b', ['f1', 'f2'], 7],
    ])
  })
})

describe('what must come from outside', () => {
  test('is what no node has from which others can fetch', () => {
    fc.assert(
      fc.property(files, fc.array(fc.tuple(fc.boolean(), fc.infiniteStream(fc.boolean())), { maxLength: 5 }), (wanted, nodes) => {
        const holders = nodes.map(([serves, lacks], index) =>
          holderOf(
            `n${index}`,
            wanted.filter(() => lacks.next().value).map(({ path }) => path),
            serves ? {} : { peerUrl: null },
          ),
        )
        const outside = filesFromOutside(wanted, holders)
        for (const file of wanted) {
          const held = holders.some(({ peerUrl, missing }) => peerUrl !== null && !missing.has(file.path))
          expect(outside.includes(file)).toBe(!held)
        }
      }),
    )
  })

  test('is brought by those that serve it and have room for what they lack', () => {
    const wanted = [{ path: 'a', size: 100 }]
    const small = holderOf('small', ['a'], { freeBytes: 99 })
    const mute = holderOf('mute', ['a'], { peerUrl: null })
    expect(seeders(wanted, [small, mute, holderOf('large', ['a'])])).toEqual(['large'])
    expect(seeders(wanted, [small, mute])).toEqual(['small'])
    expect(seeders(wanted, [mute])).toEqual([])
  })
})

test('peers are the others that serve', () => {
  const holders = [holderOf('a', []), holderOf('b', []), holderOf('c', [], { peerUrl: null })]
  expect(peersOf('a', holders)).toEqual([{ nodeId: 'b', url: 'http://b' }])
})
