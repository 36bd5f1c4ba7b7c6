import type { EngineSpec } from '../domain/engine.js'
import type { Engine } from './engine.js'
import { checkedExtras, invalid } from './flags.js'
import { ownValue } from './own-value.js'
import { sayEach, type Flags, type Words } from './words.js'

/** Flags of the spec's settings and its own, checked; ours first, each in order of name. */
export type Composed = { settings: Flags; args: Flags; env: Record<string, string> }

/**
 * What a spec adds to the flags that its backend always has.
 * @throws AimError `InvalidInput` naming the field: a setting that the backend has no word for, a flag that a setting or another field says,
 * a secret.
 */
export function compose(engine: Pick<Engine, 'backend' | 'words' | 'reserved'>, spec: EngineSpec): Composed {
  const { args, env } = checkedExtras(spec)
  const said = sayEach(engine.backend, engine.words, spec)
  for (const name of Object.keys(args)) {
    const positive = name.replace(/^no-/, '')
    const decided = ownValue(engine.reserved, positive)
    if (decided !== undefined) throw invalid(`args.${name}`, `is said by ${decided}`)
    const twice = said.find(
      ({ setting, flags }) =>
        Object.hasOwn(flags, positive) || Object.hasOwn(flags, name) || engine.words[setting]?.flags.includes(positive),
    )
    if (twice !== undefined) throw invalid(`args.${name}`, `is said by settings.${twice.setting} already`)
  }
  return { settings: Object.fromEntries(said.flatMap(({ flags }) => Object.entries(flags))), args, env }
}

/** The setting that a flag means the same as; null: none, so it may be given as a flag. */
export function settingOf(words: Words, flag: string): keyof Words | null {
  const found = Object.entries(words).find(([, word]) => word?.flags.includes(flag))
  return found === undefined ? null : (found[0] as keyof Words)
}
