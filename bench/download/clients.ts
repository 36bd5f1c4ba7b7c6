import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { measure, type Cost } from './measure.js'

const script = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url))

/** Each brings a model (or, where the client knows no hub, one file of it) into `folder`, as a process of its own. */
export const ours = (hub: string, repo: string, folder: string, ...flags: string[]): Promise<Cost> =>
  measure([process.execPath, script('ours'), hub, repo, folder, ...flags], {})

export const hf = (hub: string, repo: string, folder: string): Promise<Cost> =>
  measure([hfProgram(), 'download', repo], {
    HF_HOME: folder,
    HF_ENDPOINT: hub,
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_UPDATE_CHECK: '1',
  })

export const hubJs = (hub: string, repo: string, folder: string): Promise<Cost> =>
  measure([process.execPath, script('hub-js'), hub, repo, folder], {})

export const aria2 = (url: string, folder: string): Promise<Cost> =>
  measure(['aria2c', '--quiet', '-x16', '-s16', '--file-allocation=none', `--dir=${folder}`, url], {})

export const curl = (url: string, folder: string): Promise<Cost> =>
  measure(['curl', '--silent', '--fail', '--output', join(folder, 'file'), url], {})

/** `hf` of AIM_HF_BIN, or the one that our tests install. */
function hfProgram(): string {
  const cache = process.env['AIM_CACHE_DIR'] ?? join(homedir(), '.cache', 'aim-engine')
  const path = process.env['AIM_HF_BIN'] ?? join(cache, 'hf-venv', 'bin', 'hf')
  if (!existsSync(path)) throw new Error(`${path} is missing: run the tests once (npx vitest run test/adapters/weights), or set AIM_HF_BIN`)
  return path
}
