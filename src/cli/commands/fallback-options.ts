import type { DeployInput } from '../../contracts/deploy.js'
import { FALLBACK_MODES, type FallbackMode } from '../../contracts/fallback-policy.js'
import type { OptionSpec } from '../cli.js'
import { asDuration } from './common-options.js'
import { asInteger } from './requirement-options.js'

/** What may happen when the first choice does not start, as commander gives it. `within` in milliseconds. */
export type FallbackOptions = { fallback?: FallbackMode; ask?: boolean; attempts?: number; within?: number }

export const FALLBACK_OPTIONS: OptionSpec[] = [
  {
    flags: '--fallback <how>',
    about: 'when the first choice does not start: none, what meets the request, or any (default: meets)',
    choices: FALLBACK_MODES,
  },
  { flags: '--ask', about: 'ask before the precision drops or the hardware changes: aim approve, aim reject' },
  { flags: '--attempts <n>', about: 'most tries (default: 6)', parse: asInteger },
  { flags: '--within <duration>', about: 'no further try after this long (default: 2h)', parse: asDuration },
]

/** The part of a request that the options stand for; undefined: all as by default. */
export function fallbackField({ fallback: mode, ask, attempts, within }: FallbackOptions): DeployInput['fallback'] {
  const budget = { ...(attempts !== undefined && { attempts }), ...(within !== undefined && { minutes: within / 60_000 }) }
  const given = {
    ...(mode !== undefined && { mode }),
    ...(Object.keys(budget).length > 0 && { budget }),
    ...(ask === true && { approval: { required: true } }),
  }
  return Object.keys(given).length === 0 ? undefined : given
}
