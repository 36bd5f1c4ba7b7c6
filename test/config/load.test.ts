import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load.js'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'aim-config-'))
})
afterEach(() => rmSync(home, { recursive: true }))

const profile = (text: string) => writeFileSync(join(home, 'config.yaml'), text)

test('a flag beats the profile, the profile beats the environment, the environment beats the default', () => {
  profile('uiPort: 9001\napiPort: 9002\n')
  const env = { AIM_HOME: home, AIM_TEMPORAL_PORT: '9100', AIM_UI_PORT: '9101', AIM_API_PORT: '9102' }
  const { settings, origins } = loadSettings(env, { apiPort: 9203 })
  expect(settings).toMatchObject({ temporalPort: 9100, uiPort: 9001, apiPort: 9203, temporalNamespace: 'default' })
  expect(origins).toMatchObject({ temporalPort: 'environment', uiPort: 'profile', apiPort: 'flag', temporalNamespace: 'default' })
})

test.each([
  [{ AIM_TEMPORAL_PORT: 'many' }, /^AIM_TEMPORAL_PORT: /],
  [{ HF_ENDPOINT: 'ftp://hub' }, /^HF_ENDPOINT: must be an http or https URL/],
  [{ AIM_HUB_TOKEN: 'hf_secret' }, /^AIM_HUB_TOKEN: must be a reference/],
  [{ TEMPORAL_ADDRESS: 'nowhere' }, /^TEMPORAL_ADDRESS: must be host:port/],
  [{ AIM_CACHE_DIR: '/tmp/../proc/aim' }, /^AIM_CACHE_DIR: must be a folder that can be written/],
  [{ AIM_HOME: '/proc/aim' }, /^AIM_HOME: must be a folder that can be written/],
])('a bad setting names its variable and its rule: %o', (env, expected) => {
  expect(() => loadSettings({ AIM_HOME: home, ...env })).toThrow(expected)
})

test('a profile with an unknown key or broken YAML is refused, with the file', () => {
  profile('uiport: 1\n')
  expect(() => loadSettings({ AIM_HOME: home })).toThrow(/config\.yaml: uiport: is no setting/)
  profile('a: [')
  expect(() => loadSettings({ AIM_HOME: home })).toThrow(/config\.yaml/)
})
