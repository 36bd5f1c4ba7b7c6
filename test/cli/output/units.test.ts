import { describe, expect, it } from 'vitest'
import { bytes, duration, moment, parseBytes, parseDuration } from '../../../src/cli/output/units.js'

describe('bytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [92_400_000, '92.4 MB'],
    [140_000_000_000, '140 GB'],
  ])('%d is %s', (count, text) => expect(bytes(count)).toBe(text))
})

describe('duration', () => {
  it.each([
    [80, '80 ms'],
    [3240, '3.2 s'],
    [59_999, '1m'],
    [125_000, '2m 5s'],
    [11_520_000, '3h 12m'],
    [356_400_000, '4d 3h'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text))
})

describe('parseDuration', () => {
  it.each([
    ['90', 90_000],
    ['1.5s', 1500],
    ['1h30m', 5_400_000],
    ['250ms', 250],
  ])('%s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  it.each(['', 'soon', '10 m', '-5s', '5x', 'm5'])('%j is no duration', (text) => expect(parseDuration(text)).toBeNull())
})

describe('moment', () => {
  const now = Date.parse('2026-01-01T00:02:05Z')
  it('is relative or the very text', () => {
    expect(moment('2026-01-01T00:00:00Z', 'relative', now)).toBe('2m 5s ago')
    expect(moment('2026-01-01T00:00:00Z', 'iso', now)).toBe('2026-01-01T00:00:00Z')
  })
  it('takes a clock that is behind for now', () => expect(moment('2026-01-01T00:02:09Z', 'relative', now)).toBe('0s ago'))
  it('shows what is no time as it is', () => expect(moment('?', 'relative', now)).toBe('?'))
})

describe('parseBytes', () => {
  it.each([
    ['500GB', 500e9],
    ['1.5 TB', 1.5e12],
    ['64MiB', 64 << 20],
    ['10kB', 10_000],
    ['12B', 12],
    ['12', 12],
    ['5 bananas', null],
    ['GB', null],
    ['-1GB', null],
    ['1iB', null],
    ['1G', null],
  ])('%s is %s', (text, count) => expect(parseBytes(text)).toBe(count))
})
