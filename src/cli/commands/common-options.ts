import { InvalidArgumentError } from 'commander'
import type { OptionSpec } from '../cli.js'
import { parseBytes, parseDuration } from '../output/units.js'

/** Flags that several verbs take in the same sense. */

export const YES: OptionSpec = { flags: '-y, --yes', about: 'do not ask' }
export const REASON: OptionSpec = { flags: '--reason <text>', about: 'why; kept in the history' }
export const DETACH: OptionSpec = { flags: '-d, --detach', about: 'start it and return' }
export const TIMEOUT: OptionSpec = {
  flags: '--timeout <duration>',
  about: 'stop waiting after this long (90s, 10m); the work goes on, exit code 8',
  parse: asWait,
}

function asWait(text: string): number {
  const ms = asDuration(text)
  if (ms === 0) throw new InvalidArgumentError('It must be longer than nothing; --detach waits for nothing.')
  return ms
}

export function asDuration(text: string): number {
  const ms = parseDuration(text)
  if (ms === null) throw new InvalidArgumentError('It must be a duration: 90s, 10m, 1h30m.')
  return ms
}

export function asBytes(text: string): number {
  const bytes = parseBytes(text)
  if (bytes === null) throw new InvalidArgumentError('It must be a size: 500GB, 1.5TB, 64MiB.')
  return bytes
}

/** A flag that may be repeated. */
export function asWords(text: string, before?: unknown): string[] {
  return [...((before as string[] | undefined) ?? []), text]
}
