export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml | undefined }

/** Text that no version of YAML reads as anything but itself. */
const PLAIN = /^[A-Za-z/][A-Za-z0-9_./-]*$/
/** Words that some version of YAML reads as a boolean or null. */
const KEYWORDS = /^(?:y|yes|n|no|on|off|true|false|null)$/i
/** What JSON leaves as it is and YAML wants escaped: control characters, line separators, marks of byte order. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g

/** Block YAML 1.2 of plain data; keys whose value is undefined are left out. Any text comes back as it was: strings are JSON where in doubt. */
export function toYaml(value: Yaml): string {
  return `${linesOf(value).join('\n')}\n`
}

function linesOf(value: Yaml): string[] {
  if (isList(value)) return value.length === 0 ? ['[]'] : value.flatMap((item) => hang('- ', linesOf(item)))
  if (typeof value !== 'object') return [scalar(value)]
  const entries = Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [{ key: scalar(key), item }]))
  if (entries.length === 0) return ['{}']
  return entries.flatMap(({ key, item }) => {
    const lines = linesOf(item)
    return isBlock(item) ? [`${key}:`, ...lines.map(indent)] : [`${key}: ${lines[0]}`]
  })
}

function isList(value: Yaml): value is readonly Yaml[] {
  return Array.isArray(value)
}

/** False for what fits behind its key: scalars, `[]` and `{}`. */
function isBlock(value: Yaml): boolean {
  return typeof value === 'object' && Object.values(value).some((item) => item !== undefined)
}

function hang(mark: string, [first = '', ...rest]: string[]): string[] {
  return [mark + first, ...rest.map(indent)]
}

function indent(line: string): string {
  return `  ${line}`
}

function scalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  if (PLAIN.test(value) && !KEYWORDS.test(value)) return value
  return JSON.stringify(value).replaceAll(UNPRINTABLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
