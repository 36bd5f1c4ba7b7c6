import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freePorts } from '../../src/config/free-ports.js'
import { loadSettings } from '../../src/config/load.js'
import { runTool } from '../../src/embedded/run-tool.js'
import { underLock } from './tool-lock.js'
import { waitFor } from './wait-for.js'

const VERSION = 'v2.12.0'
const PACKAGE = 'github.com/Shopify/toxiproxy/v2/cmd/server'
const BUILD_LIMIT_MS = 5 * 60_000

/** What a network does to connections. `chance`: to how many of them, 1 is all. Attributes are toxiproxy's own. */
export type Toxic = { type: string; chance?: number; attributes: Record<string, number> }

export type Toxiproxy = {
  /** Address that leads to `upstream`. */
  url: string
  add(toxic: Toxic): Promise<void>
  /** Cuts all connections and takes no new ones, or takes them again. */
  enable(enabled: boolean): Promise<void>
  close(): Promise<void>
}

/** The program, built once (half a minute) with Go into our cache; null where that cannot be had. */
export async function obtainToxiproxy(cacheDir = loadSettings().settings.cacheDir): Promise<string | null> {
  const target = join(cacheDir, 'toxiproxy', VERSION, 'server')
  if (existsSync(target)) return target
  try {
    return await underLock(join(cacheDir, 'toxiproxy', 'lock'), async () => (existsSync(target) ? target : build(target)))
  } catch (error) {
    process.stderr.write(`toxiproxy: ${(error as Error).message}\n`)
    return null // the tests that need it are shown as skipped
  }
}

async function build(target: string): Promise<string> {
  const folder = await mkdtemp(join(dirname(dirname(target)), '.unfinished-'))
  try {
    const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0', GOFLAGS: '' }
    await runTool('go', ['install', '-trimpath', '-ldflags=-s -w', `${PACKAGE}@${VERSION}`], { env, timeoutMs: BUILD_LIMIT_MS })
    await mkdir(dirname(target), { recursive: true })
    await rename(join(folder, 'server'), target)
    return target
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A real proxy of connections before `upstream`, which a test spoils. */
export async function startToxiproxy(program: string, upstream: string): Promise<Toxiproxy> {
  const [admin = 0] = await freePorts(1)
  const child = spawn(program, ['-host', '127.0.0.1', '-port', String(admin), '-seed', '1'], { stdio: 'ignore' })
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`http://127.0.0.1:${admin}${path}`, { method, ...(body && { body: JSON.stringify(body) }) })
    if (!answer.ok) throw new Error(`toxiproxy: ${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  await waitFor('toxiproxy', () => ask('GET', '/version').catch(() => false)) // it is not there yet
  const { listen } = (await ask('POST', '/proxies', {
    name: 'hub',
    listen: '127.0.0.1:0',
    upstream: new URL(upstream).host,
    enabled: true,
  })) as {
    listen: string
  }
  return {
    url: `http://${listen}`,
    async add({ type, chance = 1, attributes }) {
      await ask('POST', '/proxies/hub/toxics', { type, stream: 'downstream', toxicity: chance, attributes })
    },
    async enable(enabled) {
      await ask('POST', '/proxies/hub', { listen, enabled })
    },
    async close() {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
