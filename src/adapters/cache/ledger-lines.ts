import { CacheEventLine } from '../../contracts/cache-event.js'
import type { CacheEvent } from '../../domain/cache/event.js'

/** How each line begins. In JSON text no string can hold it: its quotes would be escaped. */
const BEGIN = '{"v":1,"kind":'

export function lineOf({ kind, ...rest }: CacheEvent): Buffer {
  return Buffer.from(`${JSON.stringify({ v: 1, kind, ...rest })}\n`)
}

/** The events of a file. What a kill or a full disk tore off costs itself alone: the next line is found behind it. */
export function eventsIn(text: string): CacheEvent[] {
  return text.split('\n').flatMap((line) => {
    if (line === '') return []
    return parse(line) ?? parse(line.slice(Math.max(0, line.lastIndexOf(BEGIN)))) ?? []
  })
}

function parse(line: string): CacheEvent | null {
  if (!line.startsWith(BEGIN)) return null
  try {
    return CacheEventLine.safeParse(JSON.parse(line)).data ?? null
  } catch {
    return null // torn
  }
}
