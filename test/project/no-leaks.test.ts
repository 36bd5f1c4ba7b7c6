import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { projectFiles, textOf } from './tracked-files.js'

/** What belongs to the machine of whoever wrote it. Put together here, so that this file does not hold them. */
const LEAKS: [what: string, pattern: RegExp][] = [
  ['a path of a machine', new RegExp(`(?<![\\w.~/-])/(?:${['work', 'root', 'Users'].join('|')})/`)],
  ['a home folder', /(?<![\w.~-])\/home\/(?!you\b|user\b|node\b)[a-z]/],
  ['the address of a package registry', new RegExp(['(?:localhost|127\\.0\\.0\\.1):48', '73'].join(''))],
  ['a registry of packages', /^\s*(?:@[\w-]+:)?registry\s*=/m],
  ['an index of Python packages', /--(?:extra-)?index-url[= ]+https?:\/\/(?!pypi\.org|download\.pytorch\.org)/],
  ['a token', /\b(?:hf_[A-Za-z0-9]{30,}|gh[pousr]_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}|npm_[A-Za-z0-9]{36})\b/],
  ['a private key', new RegExp(['-----BEGIN [A-Z ]*PRIV', 'ATE KEY-----'].join(''))],
]

describe('the files of the project', () => {
  const files = projectFiles().flatMap((file) => {
    const text = textOf(file)
    return text === null ? [] : [{ file, text }]
  })

  test('are found', () => {
    expect(files.length).toBeGreaterThan(50)
  })

  test.each(LEAKS)('hold no %s', (_what, pattern) => {
    const found = files.flatMap(({ file, text }) => {
      const at = text.search(pattern)
      return at < 0 ? [] : [`${file}:${text.slice(0, at).split('\n').length}: ${text.slice(at, at + 60).split('\n')[0]}`]
    })
    expect(found).toEqual([])
  })

  test.each([
    [['/wo', 'rk/main/src'], 0],
    [['in /ro', 'ot/.cache'], 0],
    [['https://host/wo', 'rk/list'], -1],
    [['/home/', 'alice/x'], 1],
    [['/home/', 'you/models'], -1],
    [['http://localhost:48', '73/'], 2],
    [['regis', 'try = https://packages.example'], 3],
    [['pip install --index-url ', 'http://mirror.example/simple'], 4],
    [['hf_', 'a'.repeat(34)], 5],
  ])('%j is a leak of kind %d', (parts, kind) => {
    expect(LEAKS.findIndex(([, pattern]) => pattern.test(parts.join('')))).toBe(kind)
  })
})

describe('package-lock.json', () => {
  type Package = {
    version?: string
    resolved?: string
    integrity?: string
    link?: boolean
    optionalDependencies?: Record<string, string>
    peerDependenciesMeta?: Record<string, { optional?: boolean }>
  }
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Package> }

  test('names no place that packages come from', () => {
    const placed = Object.entries(packages).filter(
      ([, { resolved }]) => resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/'),
    )
    expect(placed).toEqual([])
  })

  test('holds the builds for every platform, because `npm ci` refuses a lock file that lacks one', () => {
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {}, peerDependenciesMeta = {} }]) =>
      Object.keys(optionalDependencies)
        .filter((name) => !peerDependenciesMeta[name]?.optional && !isLocked(path, name))
        .map((name) => `${path} needs ${name}`),
    )
    expect(missing).toEqual([])
  })

  /** As Node looks a package up: beside it, then in every folder above. */
  function isLocked(from: string, name: string): boolean {
    const key = `${from === '' ? '' : `${from}/`}node_modules/${name}`
    if (packages[key] !== undefined) return true
    if (from === '') return false
    const parent = from.slice(0, Math.max(0, from.lastIndexOf('node_modules/') - 1))
    return isLocked(parent, name)
  }
})
