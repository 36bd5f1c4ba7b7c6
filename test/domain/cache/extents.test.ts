import { array, assert, constant, integer, property, shuffledSubarray, tuple } from 'fast-check'
import { expect, it } from 'vitest'
import { Extents } from '../../../src/domain/cache/extents.js'

const SIZE = 60
const place = integer({ min: 0, max: SIZE })
const additions = array(tuple(place, place), { maxLength: 25 })

/** The same, the plain way: one entry a byte. */
function bitmapOf(added: [number, number][]): boolean[] {
  const bits = Array.from({ length: SIZE }, () => false)
  for (const [start, end] of added) for (let at = start; at < end; at++) bits[at] = true
  return bits
}

function extentsOf(added: [number, number][]): Extents {
  const extents = new Extents()
  for (const [start, end] of added) extents.add(start, end)
  return extents
}

it('knows what a bitmap knows', () => {
  assert(
    property(additions, place, place, (added, from, to) => {
      const bits = bitmapOf(added)
      const extents = extentsOf(added)
      const firstGap = bits.indexOf(false)
      expect(extents.bytes()).toBe(bits.filter(Boolean).length)
      expect(extents.frontier()).toBe(firstGap === -1 ? SIZE : firstGap)
      expect(extents.covers(from, to)).toBe(bits.slice(from, to).every(Boolean))
    }),
    { numRuns: 500 },
  )
})

it('has gaps that are in order, apart from each other, and exactly what is missing', () => {
  assert(
    property(additions, (added) => {
      const gaps = extentsOf(added).gaps(SIZE)
      for (const [index, { start, end }] of gaps.entries()) {
        expect(end).toBeGreaterThan(start)
        expect(start).toBeGreaterThan(gaps[index - 1]?.end ?? -1)
      }
      const filled = bitmapOf(added.concat(gaps.map(({ start, end }): [number, number] => [start, end])))
      expect(filled.every(Boolean)).toBe(true)
      expect(bitmapOf(gaps.map(({ start, end }): [number, number] => [start, end]))).toEqual(bitmapOf(added).map((bit) => !bit))
    }),
    { numRuns: 500 },
  )
})

it('says the same whatever the order in which bytes came', () => {
  assert(
    property(
      additions.chain((added) => tuple(constant(added), shuffledSubarray(added, { minLength: added.length }))),
      ([added, shuffled]) => {
        expect(extentsOf(shuffled).gaps(SIZE)).toEqual(extentsOf(added).gaps(SIZE))
      },
    ),
    { numRuns: 300 },
  )
})

it('knows nothing any more after clear', () => {
  const extents = extentsOf([
    [3, 9],
    [20, 30],
  ])
  extents.clear()
  expect([extents.bytes(), extents.frontier(), extents.gaps(SIZE)]).toEqual([0, 0, [{ start: 0, end: SIZE }]])
})
