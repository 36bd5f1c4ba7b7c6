import { expect, test } from 'vitest'
import { isAllowed } from '../../src/contracts/allow-list.js'

test.each([
  [undefined, 'org/name', false],
  ['', 'org/name', false],
  ['org/name', 'org/name', true],
  ['org/name', 'Org/Name', true],
  ['org/name', 'org/name2', false],
  ['other/x, org/*', 'org/name', true],
  ['org/*', 'organisation/name', false],
  ['*', 'org/name', false],
  ['/*', 'org/name', false],
])('policy %j and repository %s: %s', (policy, repo, allowed) => {
  expect(isAllowed(policy, repo)).toBe(allowed)
})
