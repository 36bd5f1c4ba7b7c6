import { expect, test } from 'vitest'
import { allowsRemoteCode } from '../../src/contracts/remote-code.js'

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
  expect(allowsRemoteCode(policy, repo)).toBe(allowed)
})
