import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from 'yaml'
import type { RecipeProblem } from '../../ports/recipes.js'
import { LARGEST_YAML, readText } from './read-text.js'

/** How often all anchors of a file may be used, once each is written out. */
const MOST_ALIASES = 100
/** Errors of YAML that are told of one file: the first makes most of the others. */
const MOST_ERRORS = 10

export type YamlPath = readonly PropertyKey[]

/** A YAML file as plain data, and the line that a field stands on. */
export type YamlSource = { file: string; value: unknown; problemAt(path: YamlPath, rule: string): RecipeProblem }

/** Reads a file of one YAML document. One that cannot be read, broken YAML, a key written twice, a file or anchors beyond their limit: its problems. */
export async function readYaml(file: string): Promise<YamlSource | RecipeProblem[]> {
  const whole = (rule: string): RecipeProblem[] => [{ file, line: 1, field: 'file', rule }]
  const read = await readText(file, LARGEST_YAML)
  if ('rule' in read) return whole(read.rule)
  try {
    return sourceOf(file, read.text)
  } catch (error) {
    // The parser goes down into each level by a call of its own.
    if (error instanceof RangeError) return whole('is nested too deeply')
    return whole(firstLine((error as Error).message))
  }
}

function sourceOf(file: string, text: string): YamlSource | RecipeProblem[] {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const broken = [...document.errors, ...document.warnings].slice(0, MOST_ERRORS)
  if (broken.length > 0) {
    return broken.map(({ message, pos }) => ({ file, line: lines.linePos(pos[0]).line, field: 'YAML', rule: firstLine(message) }))
  }
  const problemAt = (path: YamlPath, rule: string): RecipeProblem => ({
    file,
    line: lines.linePos(offsetOf(document, path)).line,
    field: path.join('.') || 'file',
    rule,
  })
  const prototype = offsetOfPrototype(document)
  if (prototype !== null) return [{ file, line: lines.linePos(prototype).line, field: '__proto__', rule: 'is not a known field' }]
  return { file, value: document.toJS({ maxAliasCount: MOST_ALIASES }), problemAt }
}

/** A key that JavaScript takes for something else: a schema passes over it in silence. */
function offsetOfPrototype(document: Document.Parsed): number | null {
  let offset: number | null = null
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key) || key.value !== '__proto__') return undefined
      offset = startOf(key) ?? 0
      return visit.BREAK
    },
  })
  return offset
}

/** Where the field begins, or the nearest thing around it that is there. */
function offsetOf(document: Document.Parsed, path: YamlPath): number {
  let node: unknown = document.contents
  let offset = document.contents?.range[0] ?? 0
  for (const name of path) {
    const parent = isAlias(node) ? node.resolve(document) : node
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(name))
      if (pair === undefined) return offset
      offset = startOf(pair.key) ?? offset
      node = pair.value
    } else if (isSeq(parent)) {
      node = parent.items[Number(name)]
      offset = startOf(node) ?? offset
    } else return offset
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined
}

/** The parser adds a drawing of the place; file and line say it. */
function firstLine(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '')
}
