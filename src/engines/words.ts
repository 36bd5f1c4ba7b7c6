import { AimError } from '../contracts/errors.js'
import type { Backend, EngineSettings, EngineSpec } from '../domain/engine.js'
import type { FlagValue } from './flags.js'

export type Flags = Record<string, FlagValue>
type Setting = keyof EngineSettings

/** What both call a gigabyte of system memory. */
export const GIB = 2 ** 30

/** What a setting is said beside: some flags depend on another setting, or on how many GPUs there are. */
export type Beside = Pick<EngineSpec, 'parallel' | 'settings'>

/** How a backend says one setting: the flags that mean nothing else, and those that a value needs (none: it is the default). */
export type Word<V> = { flags: readonly string[]; say(value: V, beside: Beside): Flags }

/** Every setting, each with its word. Null: the backend has none, and a spec that sets it is refused. */
export type Words = { readonly [S in Setting]-?: Word<NonNullable<EngineSettings[S]>> | null }

/** Of a backend that has no settings; others spread it and say what they have. */
export const NO_WORDS: Words = {
  attentionBackend: null,
  chunkedPrefill: null,
  dtype: null,
  graphMaxBatch: null,
  graphs: null,
  kvDtype: null,
  kvOffloadBytes: null,
  maxBatchedTokens: null,
  maxSequences: null,
  memoryFraction: null,
  prefixCache: null,
  quantization: null,
  reasoningParser: null,
  streamInterval: null,
  toolParser: null,
  trustRemoteCode: null,
  weightOffloadBytes: null,
}

/** In the order of their names, so that one spec always gives one command. */
const SETTINGS = (Object.keys(NO_WORDS) as Setting[]).toSorted()

/** The value as it is, under another name. */
export function plain(flag: string): Word<FlagValue> {
  return { flags: [flag], say: (value) => ({ [flag]: value }) }
}

/** On and off are two flags, because the default depends on the platform. */
export function pair(flag: string): Word<boolean> {
  return { flags: [flag, `no-${flag}`], say: (on) => ({ [on ? flag : `no-${flag}`]: true }) }
}

/** On only: off is the default. */
export function onSwitch(flag: string): Word<boolean> {
  return { flags: [flag], say: (on): Flags => (on ? { [flag]: true } : {}) }
}

/** Off only: on is the default. */
export function offSwitch(flag: string): Word<boolean> {
  return { flags: [flag], say: (on): Flags => (on ? {} : { [flag]: true }) }
}

/** Bytes in a unit that the backend counts whole. @throws AimError `InvalidInput` naming the setting, for a part of one. */
export function whole(setting: Setting, bytes: number, unit: number): number {
  if (bytes % unit !== 0) throw new AimError('InvalidInput', { field: `settings.${setting}`, rule: `must be a multiple of ${unit} bytes` })
  return bytes / unit
}

/**
 * The settings as flags of a backend, by setting; flags of one setting never repeat those of another.
 * @throws AimError `InvalidInput` naming a setting that the backend has no word for, or a value that it cannot say.
 */
export function sayEach(backend: Backend, words: Words, beside: Beside): { setting: Setting; flags: Flags }[] {
  const { settings } = beside
  if (settings.graphs === false && settings.graphMaxBatch !== undefined)
    throw new AimError('InvalidInput', { field: 'settings.graphMaxBatch', rule: 'no graphs are captured: graphs is false' })
  return SETTINGS.flatMap((setting) => {
    const flags = say(backend, words, setting, beside)
    return flags === null ? [] : [{ setting, flags }]
  })
}

function say(backend: Backend, words: Words, setting: Setting, beside: Beside): Flags | null {
  const value = beside.settings[setting]
  if (value === undefined) return null
  const word: Word<FlagValue> | null = words[setting]
  if (word !== null) return word.say(value, beside)
  if (setting === 'trustRemoteCode' && value === false) return null // it never does
  throw new AimError('InvalidInput', { field: `settings.${setting}`, rule: `the ${backend} backend has no word for it` })
}
