import { expect, test } from 'vitest'
import { addSources, outsideBytes, trafficText } from '../../../src/domain/cache/traffic.js'

test('peers and mirrors are inside, all else is outside', () => {
  expect(outsideBytes({ peer: 1, mirror: 2, s3: 4, hub: 8, cdn: 16, program: 32 })).toBe(60)
  expect(outsideBytes({})).toBe(0)
})

test('sources add up by kind', () => {
  expect(addSources({ hub: 1, peer: 2 }, { peer: 3, s3: 4 })).toEqual({ hub: 1, peer: 5, s3: 4 })
})

test('the text says what was fetched, and from where as far as it is known', () => {
  const miss = { cache: 'miss' as const, bytes: 92_400_000, fetchedBytes: 80_000_000 }
  expect(trafficText({ ...miss, sources: { peer: 60_000_000, hub: 20_000_000 } })).toBe(
    'miss: 92.4 MB, 80.0 MB fetched (hub 20.0 MB, peer 60.0 MB)',
  )
  expect(trafficText({ ...miss, sources: {} })).toBe('miss: 92.4 MB, 80.0 MB fetched')
  expect(trafficText({ cache: 'hit', bytes: 92_400_000, fetchedBytes: 0, sources: {} })).toBe('hit: 92.4 MB')
})
