import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bytesInMap } from '../../src/adapters/weights/part-file.js'
import { pathsOf } from '../../src/config/paths.js'
import { loadSettings } from '../../src/config/load.js'
import type { DeployResult } from '../../src/contracts/endpoint.js'
import { SAMPLE_MODEL, sampleWeights } from '../../src/quickstart/sample-weights.js'
import { startMisbehavingHub, type MisbehavingHub } from '../support/misbehaving-hub.js'
import { Stack, ended } from '../support/stack.js'
import { canMountTmpfs, mountTmpfs } from '../support/tmpfs.js'
import { waitFor } from '../support/wait-for.js'

const { repo, commit, file, bytes } = SAMPLE_MODEL
const WEIGHTS = /\/resolve\/.*\.gguf/
const HELD_BYTES = 4 * 2 ** 20
const deployArgs = (name: string) => ['deploy', repo, '--name', name, '--ref', commit, '--file', file]

/** Whatever goes wrong below, it is not told. */
const SECRET = 'hf_thisMustStayASecret'

let models: string
let hub: MisbehavingHub
let stack: Stack
beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'aim-models-'))
  const { dir } = await sampleWeights({ cacheDir: loadSettings().settings.cacheDir })
  cpSync(join(dir, repo), join(models, repo), { recursive: true, dereference: true })
  mkdirSync(join(models, 'org', 'broken'), { recursive: true })
  writeFileSync(join(models, 'org', 'broken', 'broken.gguf'), 'this is no model')
  hub = await startMisbehavingHub(models)
  stack = await Stack.create({ HF_ENDPOINT: hub.url, HF_TOKEN: SECRET })
  await stack.up()
}, 600_000)
afterAll(async () => {
  await stack.destroy()
  await hub.close()
  rmSync(models, { recursive: true, force: true })
}, 60_000)

const { hubCache, partials } = {
  hubCache: () => pathsOf(stack.settings(), stack.env).hubCache,
  partials: () => pathsOf(stack.settings(), stack.env).partials,
}

/** Each test begins with an empty cache and a hub that behaves. */
afterEach(async () => {
  hub.behave()
  hub.requests.splice(0)
  for (const { key } of await stack.engines()) await stack.aim('stop', key.endpoint)
  rmSync(hubCache(), { recursive: true, force: true })
}, 60_000)

/** Bytes of weights that are safely on disk so far. */
const partBytes = async (): Promise<number> => {
  const maps = existsSync(partials()) ? readdirSync(partials()).filter((name) => name.endsWith('.map')) : []
  const kept = await Promise.all(maps.map((name) => bytesInMap(join(partials(), name), bytes)))
  return kept.reduce((sum, part) => sum + part, 0)
}
const deployedBy = (stdout: string) => JSON.parse(stdout) as DeployResult

/** Bytes in any of these ranges: on a busy machine a slow one is asked for twice. */
function covered(ranges: { from: number; to: number }[]): number {
  let [sum, end] = [0, 0]
  for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
    sum += Math.max(0, to - Math.max(from, end))
    end = Math.max(end, to)
  }
  return sum
}

/** Nothing of a failed deploy may stay: no engine, no endpoint, no half-written file. */
async function expectNothingLeft(name: string): Promise<void> {
  await waitFor('the end of the endpoint', async () => (await stack.view(name)) === null)
  expect(await stack.engines()).toEqual([])
  expect(existsSync(partials()) ? readdirSync(partials()) : []).toEqual([])
  const cached = existsSync(hubCache()) ? readdirSync(hubCache(), { recursive: true }) : []
  // Python's lock files stay, as Python leaves them.
  expect(cached.filter((path) => /^(?!\.locks\/).*\.(part|incomplete|lock)$/.test(String(path)))).toEqual([])
}

describe('killed with -9 during the download', () => {
  test('the stack goes on from the bytes on disk: nothing that was safe is fetched again', async () => {
    // Each part stops after its first bytes: the download stands with some of each on disk.
    hub.misbehave({ kind: 'hold', after: HELD_BYTES }, { path: WEIGHTS, method: 'GET' })
    const first = ended(stack.start(...deployArgs('resumed')))
    const safe = await waitFor('the parts on disk', async () => {
      const kept = await partBytes()
      return kept >= 4 * HELD_BYTES - 2 ** 20 && kept
    })
    await stack.kill()
    await first
    hub.behave()
    hub.requests.splice(0)
    await stack.up()
    const { code, stdout, stderr } = await stack.aim(...deployArgs('resumed'), '--json')
    expect(code, stderr).toBe(0)
    expect(deployedBy(stdout).outcome).toMatch(/deployed|unchanged/)
    const asked = hub.requests.flatMap(({ headers }) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? []
      return from === undefined ? [] : [{ from: Number(from), to: Number(to) + 1 }]
    })
    expect(covered(asked)).toBeLessThanOrEqual(bytes - safe)
  }, 120_000)
})

describe('killed with -9 between launch and ready', () => {
  test('the engine that was started is found again: one engine, same pid', async () => {
    const first = ended(stack.start(...deployArgs('adopted')))
    const engine = await waitFor('the engine', async () => {
      const [started] = await stack.engines()
      return started?.state.phase === 'running' && started.state
    })
    await stack.kill()
    await first
    await stack.up()
    const { code, stderr } = await stack.aim(...deployArgs('adopted'))
    expect(code, stderr).toBe(0)
    expect(await stack.engines()).toMatchObject([{ state: { pid: engine.pid } }])
    expect(await stack.view('adopted')).toMatchObject({ phase: 'serving', restarts: 0, replica: { pid: engine.pid } })
  }, 120_000)
})

describe('Temporal killed during a deploy', () => {
  test('is started again by its owner, and the deploy ends well', async () => {
    hub.misbehave({ kind: 'hold', after: 1_000_000 }, { path: WEIGHTS, method: 'GET', times: 1 })
    const deploying = ended(stack.start(...deployArgs('temporal'), '--json'))
    await waitFor('the first bytes', () => hub.sentBytes(WEIGHTS) > 0)
    const server = stack.processes().find(({ command }) => command.includes('start-dev'))
    process.kill(server?.pid ?? 0, 'SIGKILL')
    await waitFor('the next server', () =>
      stack.processes().some(({ pid, command }) => pid !== server?.pid && command.includes('start-dev')),
    )
    hub.behave()
    await deploying // the command may lose its connection; the deploy it waits for does not
    const again = await stack.aim(...deployArgs('temporal'), '--json')
    expect(again.code, again.stderr).toBe(0)
    const { stdout } = await stack.aim('history', 'temporal', '--json')
    const deploys = (JSON.parse(stdout) as { state: string }[]).map(({ state }) => state)
    expect(deploys.filter((state) => state !== 'unchanged')).toEqual(['deployed'])
    expect(await stack.engines()).toHaveLength(1)
    expect(await stack.view('temporal')).toMatchObject({ phase: 'serving', revision: { revision: 1 } })
  }, 120_000)
})

test('`aim down` in the middle of a deploy ends soon, and the next `aim up` takes the deploy to its end', async () => {
  hub.misbehave({ kind: 'hold', after: 1_000_000 }, { path: WEIGHTS, method: 'GET', times: 1 })
  expect((await stack.aim(...deployArgs('paused'), '--detach')).code).toBe(0)
  await waitFor('the first bytes', () => hub.sentBytes(WEIGHTS) > 0)
  expect((await stack.aim('down')).code).toBe(0)
  expect(stack.processes()).toEqual([])
  hub.behave()
  await stack.up()
  await waitFor('the end of the deploy', async () => (await stack.view('paused'))?.phase === 'serving', 90_000)
  expect(await stack.engines()).toHaveLength(1)
}, 150_000)

describe('a hub that misbehaves', () => {
  test.each([
    [401, 'HubAuth', 4],
    [404, 'ModelNotFound', 5],
  ])(
    'with %i ends the deploy at once as %s',
    async (status, code, exit) => {
      hub.misbehave({ kind: 'status', status })
      const end = await stack.aim(...deployArgs('refused'))
      expect(end.code).toBe(exit)
      expect(end.stderr).toContain(`error[${code}]`)
      await expectNothingLeft('refused')
    },
    60_000,
  )

  test('with 500 and a cut body for a while is tried again, and the deploy ends well', async () => {
    hub.misbehave({ kind: 'status', status: 500 }, { times: 2 })
    hub.misbehave({ kind: 'truncate', after: 30_000_000 }, { path: WEIGHTS, method: 'GET', times: 1 })
    const { code, stderr } = await stack.aim(...deployArgs('patient'))
    expect(code, stderr).toBe(0)
    expect(hub.sentBytes(WEIGHTS)).toBeLessThan(bytes + 8 * 2 ** 20)
  }, 90_000)

  test('with one wrong byte never publishes it: fetched again, and right', async () => {
    hub.misbehave({ kind: 'flip', at: 1_000_000 }, { path: WEIGHTS, method: 'GET', times: 1 })
    const { code, stderr } = await stack.aim(...deployArgs('flipped'))
    expect(code, stderr).toBe(0)
    expect(hub.sentBytes(WEIGHTS)).toBeGreaterThan(bytes)
  }, 90_000)
})

test('an engine that ends at once fails the deploy with its own last words, and nothing stays', async () => {
  const { code, stderr } = await stack.aim('deploy', 'org/broken', '--name', 'broken')
  expect(code).toBe(1)
  expect(stderr).toMatch(/error\[EngineExited\]: .*exit code 1/)
  expect(await stack.engines()).toEqual([])
  const { stdout } = await stack.aim('history', 'broken', '--json')
  expect(JSON.parse(stdout)).toMatchObject([
    { state: 'failed', error: { code: 'EngineExited' }, attempts: [{ outcome: 'failed', argv: expect.arrayContaining(['--model']) }] },
  ])
}, 90_000)

test('a port that is taken is told, and nothing stays', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  try {
    const { port } = holder.address() as AddressInfo
    const { code, stderr } = await stack.aim(...deployArgs('taken'), '--port', `${port}`)
    expect(code).toBe(1)
    expect(stderr).toContain(`error[PortTaken]: port ${port} on 127.0.0.1 is taken`)
    await expectNothingLeft('taken')
  } finally {
    holder.close()
  }
}, 60_000)

test('a second stack on taken ports says which port, and what to set', async () => {
  const second = await Stack.create({ AIM_TEMPORAL_PORT: stack.running().address.split(':')[1] })
  try {
    const { code, stderr } = await second.aim('up', '--detach')
    expect(code).toBe(1)
    expect(stderr).toMatch(/error\[PortTaken\]: port \d+ \(AIM_TEMPORAL_PORT\) on 127\.0\.0\.1 is taken/)
  } finally {
    await second.destroy()
  }
})

test.runIf(canMountTmpfs())(
  'a full disk is final, names both figures, and leaves nothing',
  async () => {
    const tmpfs = mountTmpfs(64)
    const small = await Stack.create({ HF_ENDPOINT: hub.url, HF_HOME: tmpfs?.path })
    try {
      await small.up()
      const { code, stderr } = await small.aim(...deployArgs('full'))
      expect(code).toBe(1)
      expect(stderr).toMatch(/error\[DiskFull\]: .* needs \d+ bytes and has \d+/)
      expect(readdirSync(tmpfs?.path ?? '', { recursive: true }).filter((path) => String(path).endsWith('.part'))).toEqual([])
    } finally {
      await small.destroy()
      tmpfs?.unmount()
    }
  },
  90_000,
)

test('no token reaches a history, a log or an argv', async () => {
  expect((await stack.aim(...deployArgs('guarded'))).code).toBe(0)
  const sent = hub.requests.filter(({ headers }) => headers.authorization === `Bearer ${SECRET}`)
  expect(sent.length).toBeGreaterThan(0)
  const { home } = pathsOf(stack.settings())
  const kept = readdirSync(home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  expect(kept.length).toBeGreaterThan(10)
  for (const { parentPath, name } of kept) expect(readFileSync(join(parentPath, name)).includes(SECRET), name).toBe(false)
  for (const name of ['guarded', 'broken']) expect((await stack.aim('history', name, '--json')).stdout, name).not.toContain(SECRET)
  const [engine] = await stack.engines()
  const pid = engine?.state.phase === 'running' ? engine.state.pid : 0
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain(SECRET)
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(SECRET)
}, 90_000)
