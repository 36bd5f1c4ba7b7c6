import { expect, test } from 'vitest'
import { redact, storeFailure } from '../../../src/adapters/store/failure.js'
import { AimError } from '../../../src/contracts/errors.js'

test('the innermost error gives the reason, with its code when the message lacks it', () => {
  const driver = Object.assign(new Error('duplicate key'), { code: '23505' })
  const wrapped = new Error('Failed query: insert ... params: everything', { cause: driver })
  expect(storeFailure(wrapped, [])).toMatchObject({ code: 'StoreFailed', message: 'the database failed: duplicate key (23505)' })
})

test('a host with several addresses that all refuse has a reason too', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:5432'), { code: 'ECONNREFUSED' })
  expect(storeFailure(new AggregateError([refused, refused], ''), []).message).toBe('the database failed: connect ECONNREFUSED ::1:5432')
})

test('an error that is ours passes as it is', () => {
  const ours = new AimError('StoreMismatch', { reason: 'newer' })
  expect(storeFailure(ours, [])).toBe(ours)
})

test('secrets are replaced wherever they stand, and the longest first', () => {
  expect(redact('postgres://u:pw@h pw p', ['pw', 'postgres://u:pw@h', ''])).toBe('*** *** p')
})
