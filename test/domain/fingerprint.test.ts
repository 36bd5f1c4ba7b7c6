import { expect, test } from 'vitest'
import { fingerprint } from '../../src/domain/fingerprint.js'

test('the order of keys and absent values do not matter; everything else does', () => {
  expect(fingerprint({ a: 1, b: [{ c: 'x', d: undefined }] })).toBe(fingerprint({ b: [{ c: 'x' }], a: 1 }))
  expect(fingerprint({ a: 1 })).not.toBe(fingerprint({ a: '1' }))
  expect(fingerprint([1, 2])).not.toBe(fingerprint([2, 1]))
  expect(fingerprint(null)).not.toBe(fingerprint({}))
})
