import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { projectFiles } from './tracked-files.js'

type Manifest = {
  version: string
  license: string
  engines: { node: string }
  overrides: Record<string, string>
  dependencies: Record<string, string>
  optionalDependencies: Record<string, string>
  devDependencies: Record<string, string>
}

const read = (file: string): string => readFileSync(file, 'utf8')
const manifest = JSON.parse(read('package.json')) as Manifest

describe('the licence', () => {
  test('is Apache-2.0, to the letter', () => {
    expect(manifest.license).toBe('Apache-2.0')
    const digest = createHash('sha256').update(read('LICENSE')).digest('hex')
    expect(digest).toBe('cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30')
  })
})

describe('the change log', () => {
  const sections = [...read('CHANGELOG.md').matchAll(/^## \[(.+?)\](?: - (\S+))?$/gm)].map(([, version, date]) => ({ version, date }))

  test('begins with what is not released', () => {
    expect(sections[0]).toEqual({ version: 'Unreleased', date: undefined })
  })

  test('dates every release, newest first', () => {
    const dates = sections.slice(1).map(({ date }) => date ?? '')
    for (const date of dates) expect(date).toMatch(/^\d{4}-\d\d-\d\d$/)
    expect(dates).toEqual(dates.toSorted().toReversed())
  })

  test('says something', () => {
    expect(read('CHANGELOG.md').match(/^- \S/gm)?.length ?? 0).toBeGreaterThan(0)
  })
})

describe('dependencies', () => {
  const record = read('docs/decisions/0003-dependencies.md')
  const versions = { ...manifest.dependencies, ...manifest.optionalDependencies }

  test.each(Object.entries(versions))('%s %s is listed with its reason', (name, version) => {
    const row = record.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))
    expect(row, `a row for ${name} in docs/decisions/0003-dependencies.md`).toBeDefined()
    const cells = (row ?? '')
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    expect(cells).toHaveLength(7)
    expect(cells[1]).toBe(version)
    for (const cell of cells) expect(cell).not.toBe('')
  })

  test('none is listed that is gone', () => {
    const listed = [...record.matchAll(/^\| `([^`]+)` \| \d/gm)].map(([, name]) => name)
    expect(new Set(listed)).toEqual(new Set(Object.keys(versions)))
  })

  test('every override has its reason', () => {
    for (const name of Object.keys(manifest.overrides)) expect(record).toContain(`\`${name}\``)
  })

  test('every version is exact', () => {
    for (const version of Object.values({ ...versions, ...manifest.devDependencies })) expect(version).toMatch(/^\d+\.\d+\.\d+$/)
  })
})

describe('decisions', () => {
  const records = projectFiles().filter((file) => /^docs\/decisions\/\d/.test(file))

  test('are numbered without a gap', () => {
    const numbers = records.map((file) => Number(file.slice('docs/decisions/'.length).slice(0, 4)))
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(numbers.length).toBeGreaterThanOrEqual(3)
  })

  test.each(records)('%s says why, what, and what follows', (file) => {
    const text = read(file)
    for (const heading of ['## Context', '## Decision', '## Consequences']) expect(text).toContain(heading)
  })
})

test('what a clone needs is there', () => {
  for (const file of ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/errors.md', '.ci/run'])
    expect(existsSync(file), file).toBe(true)
})
