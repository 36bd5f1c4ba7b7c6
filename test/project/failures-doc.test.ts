import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { POLICIES } from '../../src/domain/fallback/policies.js'

test('docs/failures.md is what the table of failures says, with a row for every class', () => {
  const expected = execFileSync(process.execPath, ['scripts/failures-doc.mjs'], { encoding: 'utf8' })
  expect(readFileSync('docs/failures.md', 'utf8')).toBe(expected)
  for (const failure of Object.keys(POLICIES)) expect(expected).toContain(`| \`${failure}\` |`)
})
