import { shellWords } from '../shell-words.js'

/** Flags that a deploy does not take or that only say how the plan is printed, and whether a value follows. */
const NOT_DEPLOYED: Readonly<Record<string, 'alone' | 'value'>> = {
  '--inventory': 'value',
  '--render': 'value',
  '--json': 'alone',
  '--output': 'value',
  '-o': 'value',
}

/** `aim deploy MODEL` with the flags that `aim plan` was given, so that it makes the same choice. */
export function deployWords(argv: readonly string[], model: string): string {
  const words: string[] = []
  let skip = false
  for (const word of argv) {
    const kind: 'alone' | 'value' | undefined = skip ? undefined : NOT_DEPLOYED[word.split('=')[0] ?? '']
    if (!skip && kind === undefined && !/^-o./.test(word)) words.push(word)
    skip = kind === 'value' && !word.includes('=')
  }
  const at = words.indexOf('plan')
  return `aim deploy ${shellWords(at < 0 ? [model] : words.toSpliced(at, 1))}`
}
