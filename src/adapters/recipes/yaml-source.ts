import { readFile, stat } from 'node:fs/promises'
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml'
import type { RecipeProblem } from '../../ports/recipes.js'

/** A recipe is a page of text; more is a mistake or an attack. Bytes. */
const LARGEST = 256 * 1024
/** How often all anchors of a file may be used, once each is written out. */
const MOST_ALIASES = 100

export type YamlPath = readonly PropertyKey[]

/** A YAML file as plain data, and the line that a field stands on. */
export type YamlSource = { file: string; value: unknown; problemAt(path: YamlPath, rule: string): RecipeProblem }

/** Reads a file of one YAML document. One that cannot be read, broken YAML, a key written twice, a file or anchors beyond their limit: its problems. */
export async function readYaml(file: string): Promise<YamlSource | RecipeProblem[]> {
  const whole = (rule: string): RecipeProblem[] => [{ file, line: 1, field: 'file', rule }]
  let text: string
  try {
    const { size } = await stat(file)
    if (size > LARGEST) return whole(`is ${size} bytes long, more than ${LARGEST}`)
    text = await readFile(file, 'utf8')
  } catch (error) {
    return whole(`cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const broken = [...document.errors, ...document.warnings]
  if (broken.length > 0) {
    return broken.map(({ message, pos }) => ({ file, line: lines.linePos(pos[0]).line, field: 'YAML', rule: firstLine(message) }))
  }
  const problemAt = (path: YamlPath, rule: string): RecipeProblem => ({
    file,
    line: lines.linePos(offsetOf(document, path)).line,
    field: path.join('.') || 'file',
    rule,
  })
  try {
    return { file, value: document.toJS({ maxAliasCount: MOST_ALIASES }), problemAt }
  } catch (error) {
    return whole(firstLine((error as Error).message))
  }
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
