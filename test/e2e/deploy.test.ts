import { existsSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pathsOf } from '../../src/config/paths.js'
import type { DeployResult } from '../../src/contracts/endpoint.js'
import { loadSettings } from '../../src/config/load.js'
import { SAMPLE_MODEL, sampleWeights } from '../../src/quickstart/sample-weights.js'
import { Stack, ended } from '../support/stack.js'
import { waitFor } from '../support/wait-for.js'

let stack: Stack
const deployArgs = (name: string) => [
  'deploy',
  SAMPLE_MODEL.repo,
  '--name',
  name,
  '--ref',
  SAMPLE_MODEL.commit,
  '--file',
  SAMPLE_MODEL.file,
]

beforeAll(async () => {
  const { dir } = await sampleWeights({ cacheDir: loadSettings().settings.cacheDir })
  stack = await Stack.create({ AIM_HUB_DIR: dir })
  await stack.up()
}, 600_000)
afterAll(() => stack.destroy(), 60_000)

/** A very small model: with another system message than this one it may ramble. */
async function ask(name: string): Promise<string> {
  const sober = ['--system', 'You are a helpful assistant.', '--temperature', '0', '--max-tokens', '32']
  return (await stack.aim('chat', name, 'What is the capital of France?', ...sober)).stdout
}

async function deploy(name: string): Promise<DeployResult> {
  const { code, stdout, stderr } = await stack.aim(...deployArgs(name), '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as DeployResult
}

describe('a real model on a real engine', () => {
  let deployed: DeployResult
  beforeAll(async () => {
    deployed = await deploy('paris')
  }, 120_000)

  test('is downloaded, verified, and answers', async () => {
    expect(deployed).toMatchObject({ outcome: 'deployed', cache: 'miss', backend: 'llamacpp', model: { commit: SAMPLE_MODEL.commit } })
    expect(deployed.proof?.tokens).toBeGreaterThan(0)
    expect(await ask('paris')).toContain('Paris')
  })

  test('lies in the standard cache, with nothing half-written beside it', () => {
    const { hubCache, partials } = pathsOf(stack.settings(), stack.env)
    const repository = join(hubCache, 'models--QuantFactory--SmolLM2-135M-Instruct-GGUF')
    expect(readdirSync(join(repository, 'blobs'))).toEqual([SAMPLE_MODEL.sha256])
    expect(readdirSync(join(repository, 'snapshots', SAMPLE_MODEL.commit))).toEqual([SAMPLE_MODEL.file])
    expect(existsSync(partials) ? readdirSync(partials) : []).toEqual([])
  })

  test('is told by status, ps, logs and history', async () => {
    expect(await stack.view('paris')).toMatchObject({ phase: 'serving', replica: { url: deployed.url } })
    expect((await stack.aim('ps')).stdout).toContain('paris')
    expect((await stack.aim('logs', 'paris')).stdout).not.toBe('')
    expect((await stack.aim('history', 'paris')).stdout).toContain('deployed')
  })

  test('deployed again is unchanged: the same engine', async () => {
    const before = (await stack.view('paris'))?.replica?.pid
    expect(await deploy('paris')).toMatchObject({ outcome: 'unchanged', url: deployed.url })
    expect((await stack.view('paris'))?.replica?.pid).toBe(before)
  })

  test('comes back by itself when its engine is killed', async () => {
    const before = await stack.view('paris')
    process.kill(before?.replica?.pid ?? 0, 'SIGKILL')
    const after = await waitFor('the restart', async () => {
      const view = await stack.view('paris')
      return view?.restarts === 1 && view.phase === 'serving' && view
    })
    expect(after.replica).toMatchObject({ url: deployed.url, key: { launch: 2 } })
    expect(after.replica?.pid).not.toBe(before?.replica?.pid)
    expect(await ask('paris')).toContain('Paris')
  })

  test('is gone after `aim stop`: no process, no port, no record', async () => {
    const { port } = new URL(deployed.url ?? '')
    expect((await stack.aim('stop', 'paris')).code).toBe(0)
    expect(await stack.engines()).toEqual([])
    expect(readdirSync(pathsOf(stack.settings()).engines, { recursive: true }).filter((name) => String(name).includes('paris'))).toEqual([])
    expect(await answers(Number(port))).toBe(false)
    expect(await stack.view('paris')).toBeNull()
  })
})

test('a context that the model does not have is given up where that is allowed, and the result says so', async () => {
  const { code, stdout, stderr } = await stack.aim(...deployArgs('long'), '--context', '1000000', '--fallback', 'any', '--json')
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ attempts: 2, gaveUp: 'context 8192 instead of 1000000' })
  expect((await stack.engines()).filter(({ key }) => key.endpoint === 'long')).toHaveLength(1)
  await stack.aim('stop', 'long')
}, 90_000)

test('Ctrl-C leaves the deploy running, and the same command joins it', async () => {
  const child = stack.start(...deployArgs('detached'))
  const end = ended(child)
  await waitFor('the start of the flow', async () => (await stack.view('detached'))?.operation)
  child.kill('SIGINT')
  expect(await end).toMatchObject({ code: 130, stderr: expect.stringContaining('aim stop detached') })
  expect(['deployed', 'unchanged']).toContain((await deploy('detached')).outcome)
  expect((await stack.engines()).filter(({ key }) => key.endpoint === 'detached')).toHaveLength(1)
  await stack.aim('stop', 'detached')
})

test('two deploys of one name at the same time start one engine', async () => {
  const results = await Promise.all([deploy('twice'), deploy('twice')])
  expect(results[0]?.url).toBe(results[1]?.url)
  expect((await stack.engines()).filter(({ key }) => key.endpoint === 'twice')).toHaveLength(1)
  await stack.aim('stop', 'twice')
})

test('an engine whose owner was terminated by hand is found: by the next deploy, and by `aim stop`', async () => {
  const first = await deploy('orphan')
  const terminate = async () => {
    const connection = await Connection.connect({ address: stack.running().address })
    await new Client({ connection }).workflow.getHandle('endpoint/orphan').terminate('by hand')
    await connection.close()
  }
  await terminate()
  const second = await deploy('orphan')
  expect(second).toMatchObject({ outcome: 'deployed', url: first.url })
  expect((await stack.engines()).filter(({ key }) => key.endpoint === 'orphan')).toHaveLength(1)
  await terminate()
  expect((await stack.aim('stop', 'orphan')).code).toBe(0)
  expect((await stack.engines()).filter(({ key }) => key.endpoint === 'orphan')).toEqual([])
})

describe('bad input from the command line', () => {
  test.each([
    [['deploy', '../../etc/passwd'], /MODEL: must be a repository/],
    [['deploy', 'org/name; id'], /MODEL: must be a repository/],
    [['deploy', 'org/name', '--backend', 'tgi'], /backend/],
    [['deploy', 'org/name', '--port', 'many'], /port/],
    [['deploy', 'org/name', '--gpu', '8'], /--gpus/],
    [['plan', 'org/name', '--precision', 'fp7'], /precision/],
    [['plan', 'org/name', '--label', 'zone'], /label/],
    [['deploy', 'org/name', '--name', 'A B'], /must be 1 to 63/],
    [['stop', '../x'], /must be 1 to 63/],
  ])('aim %j is refused with the field and the rule', async (argv, rule) => {
    const { code, stderr, stdout } = await stack.aim(...argv)
    expect(code).toBe(2)
    expect(stderr).toMatch(rule)
    expect(stdout).toBe('')
  })
})

test('a stop of a name that is not there says so', async () => {
  expect(await stack.aim('stop', 'nobody')).toMatchObject({ code: 5, stderr: expect.stringContaining('endpoint nobody does not exist') })
})

test('a model that the hub does not have is told as such, and leaves nothing', async () => {
  const { code, stderr } = await stack.aim('deploy', 'nobody/nothing', '--name', 'nothing')
  expect(code).toBe(5)
  expect(stderr).toMatch(/error\[ModelNotFound\]: nobody\/nothing does not exist/)
  await waitFor('the end of the endpoint', async () => (await stack.view('nothing')) === null)
})

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
