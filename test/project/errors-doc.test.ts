import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/contracts/errors.js'

const CODES = Object.keys(ERRORS) as ErrorCode[]
const FOLDERS = ['src', 'workflows', 'activities']

/** A place where the source makes an AimError. `given` is null when its details are not written out there. */
type Site = { at: string; code: ErrorCode; given: string[] | null }

const sources = FOLDERS.flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
  .filter((file) => file.endsWith('.ts') && file !== 'src/contracts/errors.ts')
  .map((file) => ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true))
const sites = sources.flatMap(sitesIn)

describe('the table of errors', () => {
  test('docs/errors.md is what the table says', () => {
    const expected = execFileSync(process.execPath, ['scripts/errors-doc.mjs'], { encoding: 'utf8' })
    expect(readFileSync('docs/errors.md', 'utf8')).toBe(expected)
    for (const code of CODES) expect(expected).toContain(`| \`${code}\` |`)
  })

  test('every code has words, and each is for people', () => {
    for (const [code, { message, fix }] of Object.entries(ERRORS)) {
      expect(message, code).toMatch(/^\S.*[^.\s]$/)
      expect(fix, code).toMatch(/^\S.*[^.\s]$/)
    }
  })

  test('every code is made somewhere', () => {
    const text = sources.map((source) => source.text).join('\n')
    const unused = CODES.filter((code) => !text.includes(`'${code}'`))
    expect(unused).toEqual([])
  })

  test('every error is made with all the facts that its message and its fix name', () => {
    const written = sites.filter((site): site is Site & { given: string[] } => site.given !== null)
    expect(written.length).toBeGreaterThan(20)
    const incomplete = written.flatMap(({ at, code, given }) => {
      const missing = placeholders(code).filter((name) => !given.includes(name))
      return missing.length > 0 ? [`${at}: ${code} lacks ${missing.join(', ')}`] : []
    })
    expect(incomplete).toEqual([])
  })
})

function placeholders(code: ErrorCode): string[] {
  const { message, fix } = ERRORS[code]
  return [...`${message} ${fix}`.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '')
}

function sitesIn(source: ts.SourceFile): Site[] {
  const found: Site[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && node.expression.getText() === 'AimError') {
      const [code, details] = node.arguments ?? []
      if (code !== undefined && ts.isStringLiteral(code)) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart())
        found.push({
          at: `${source.fileName}:${line + 1}`,
          code: code.text as ErrorCode,
          given: details === undefined ? [] : namesIn(details),
        })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/** Names of the properties of an object that is written out; null when some of them come from elsewhere. */
function namesIn(details: ts.Expression): string[] | null {
  if (!ts.isObjectLiteralExpression(details)) return null
  const names = details.properties.map((property) => (property.name === undefined ? null : property.name.getText().replaceAll(/['"]/g, '')))
  return names.every((name) => name !== null) ? names : null
}
