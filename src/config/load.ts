import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { z } from 'zod'
import { AimError } from '../contracts/errors.js'
import { SETTINGS, type SettingName, type Settings } from './settings.js'

export type Origin = 'default' | 'environment' | 'profile' | 'flag'
export type LoadedSettings = { settings: Settings; origins: Record<SettingName, Origin> }

const NAMES = Object.keys(SETTINGS) as SettingName[]

/**
 * Reads all settings: default < environment < profile < flag.
 * @throws AimError `InvalidInput` naming the setting, where it came from, and its rule.
 */
export function loadSettings(env: NodeJS.ProcessEnv = process.env, flags: Partial<Record<SettingName, unknown>> = {}): LoadedSettings {
  const home = typeof flags.home === 'string' ? flags.home : (env[SETTINGS.home.env] ?? SETTINGS.home.default())
  const profile = readProfile(join(home, 'config.yaml'))
  const settings: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  for (const name of NAMES) {
    const [origin, value] = pick(name, env, profile, flags)
    settings[name] = check(name, origin, value)
    origins[name] = origin
  }
  return { settings, origins } as LoadedSettings
}

function pick(
  name: SettingName,
  env: NodeJS.ProcessEnv,
  profile: Record<string, unknown>,
  flags: Partial<Record<SettingName, unknown>>,
): [Origin, unknown] {
  const fromEnv = env[SETTINGS[name].env]
  if (flags[name] !== undefined) return ['flag', flags[name]]
  if (profile[name] !== undefined) return ['profile', profile[name]]
  if (fromEnv !== undefined && fromEnv !== '') return ['environment', fromEnv]
  return ['default', SETTINGS[name].default()]
}

function check(name: SettingName, origin: Origin, value: unknown): unknown {
  const result = (SETTINGS[name].rule as z.ZodType).safeParse(value)
  if (result.success) return result.data
  const where = origin === 'environment' ? SETTINGS[name].env : `${name} (${origin})`
  throw new AimError('InvalidInput', { field: where, rule: result.error.issues[0]?.message ?? 'is not valid' })
}

function readProfile(file: string): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new AimError('InvalidInput', { field: file, rule: String(error) })
  }
  return checkProfile(file, parseYaml(file, text))
}

function parseYaml(file: string, text: string): unknown {
  try {
    return parse(text) ?? {}
  } catch (error) {
    throw new AimError('InvalidInput', { field: file, rule: (error as Error).message }, { cause: error })
  }
}

function checkProfile(file: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AimError('InvalidInput', { field: file, rule: 'must be a map of settings' })
  }
  const unknown = Object.keys(value).find((key) => !NAMES.includes(key as SettingName))
  if (unknown !== undefined)
    throw new AimError('InvalidInput', { field: `${file}: ${unknown}`, rule: `is no setting; known: ${NAMES.join(', ')}` })
  return value as Record<string, unknown>
}
