/** JSON that a tool printed, or why there is none. */
export type JsonText = { value: unknown } | { refusal: string }

/**
 * The first JSON value in what a tool printed: tools put warnings before it and remarks behind it. A value begins on a line of its own.
 * What was cut, at either end, is refused: a part that happens to be whole would be a list of fewer GPUs.
 */
export function findJson(text: string): JsonText {
  const starts = /^[ \t]*([{[])(?=\s*["{}[\]\dtfn-])/gm
  let refusal = 'it holds no JSON'
  for (let match = starts.exec(text); match !== null; match = starts.exec(text)) {
    const start = match.index + match[0].length - 1
    const end = endOf(text, start)
    if (end === null) return { refusal: 'its JSON is cut short' }
    if (/^\s*[,\]}]/.test(text.slice(end, end + 1000))) return { refusal: 'the beginning of its JSON is missing' }
    try {
      return { value: JSON.parse(text.slice(start, end)) as unknown }
    } catch {
      refusal = 'its JSON does not parse'
    }
    starts.lastIndex = end
  }
  return { refusal }
}

/** Behind the bracket that closes the one at `start`; null: the text ends before. */
function endOf(text: string, start: number): number | null {
  const token = /["{}[\]]/g
  token.lastIndex = start
  let depth = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [bracket] = match
    if (bracket === '"') {
      const end = endOfString(text, match.index)
      if (end === null) return null
      token.lastIndex = end
      continue
    }
    depth += bracket === '{' || bracket === '[' ? 1 : -1
    if (depth === 0) return token.lastIndex
  }
  return null
}

function endOfString(text: string, start: number): number | null {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at + 1
  }
  return null
}
