import { describe, expect, it } from 'vitest'
import { waitSeconds } from '../../../src/adapters/hub/failures.js'

describe('waitSeconds', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  it.each([
    [{ 'retry-after': '12' }, 12],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:30 GMT' }, 90],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, 0],
    [{ ratelimit: '"resolvers";r=0;t=42' }, 42],
    [{ ratelimit: '"resolvers";r=5;t=42' }, null],
    [{ 'retry-after': 'soon' }, null],
    [{}, null],
  ])('reads %j as %s', (headers, seconds) => {
    expect(waitSeconds(headers, now)).toBe(seconds)
  })
})
