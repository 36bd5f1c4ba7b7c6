import { Client, Connection } from '@temporalio/client'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { isAlive, processStartTime } from '../../src/config/stack-file.js'
import { SEARCH_ATTRIBUTES } from '../../src/contracts/search-attributes.js'
import { endProcess, recordServer } from '../../src/embedded/server-record.js'
import { startTemporal, type TemporalOptions, type TemporalServer } from '../../src/embedded/server.js'
import { freePorts } from '../../src/config/free-ports.js'
import { testProgram } from '../support/temporal.js'
import { script, testFolder } from './programs.js'

let program: string
beforeAll(async () => {
  program = await testProgram()
})

test('a server that has started answers, knows our search attributes, shows its page, and is gone after stop', async () => {
  const server = await start(await place())
  await withClient(server, async (client) => {
    await expect(client.workflow.count(SEARCH_ATTRIBUTES.map((name) => `${name} = 'x'`).join(' OR '))).resolves.toMatchObject({ count: 0 })
  })
  expect(server.address).toMatch(/^127\.0\.0\.1:/)
  expect((await fetch(server.uiUrl)).status).toBe(200)
  await server.stop()
  expect(processStartTime(server.pid)).toBeNull()
  await expect(server.exited).resolves.toMatchObject({ expected: true })
  await server.stop()
})

test('a namespace other than the default is made', async () => {
  const server = await start({ ...(await place()), namespace: 'models' })
  await withClient(server, (client) => expect(client.workflow.count("AimEndpoint = 'x'")).resolves.toMatchObject({ count: 0 }), 'models')
})

test('workflows are still there after a stop, and after the server was killed', async () => {
  const options = await place()
  const first = await start(options)
  await withClient(first, (client) => client.workflow.start('sleepy', { workflowId: 'kept/1', taskQueue: 'none' }))
  await first.stop()
  const second = await start(options)
  await withClient(second, async (client) => {
    await expect(client.workflow.getHandle('kept/1').describe()).resolves.toMatchObject({ status: { name: 'RUNNING' } })
    await client.workflow.start('sleepy', { workflowId: 'kept/2', taskQueue: 'none' })
  })
  process.kill(second.pid, 'SIGKILL')
  await expect(second.exited).resolves.toMatchObject({ expected: false, reason: expect.stringContaining('ended by SIGKILL') })
  await withClient(await start(options), (client) =>
    expect(client.workflow.getHandle('kept/2').describe()).resolves.toMatchObject({ status: { name: 'RUNNING' } }),
  )
})

test.each([
  ['port', 'AIM_TEMPORAL_PORT'],
  ['uiPort', 'AIM_UI_PORT'],
] as const)('a taken %s is refused with its number and the setting %s, and nothing is started', async (which, setting) => {
  const options = await place()
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen({ host: '127.0.0.1', port: options[which] }, resolve))
  onTestFinished(() => void holder.close())
  await expect(startTemporal(options)).rejects.toMatchObject({
    code: 'PortTaken',
    message: `port ${options[which]} (${setting}) on 127.0.0.1 is taken`,
  })
  expect(() => readFileSync(options.log)).toThrow('ENOENT')
})

test('a second owner of the same folder is refused, and the first keeps its server', async () => {
  const options = await place()
  const server = await start(options)
  await expect(startTemporal({ ...(await place()), dir: options.dir })).rejects.toMatchObject({
    code: 'AlreadyRunning',
    details: { pid: process.pid },
  })
  await withClient(server, (client) => expect(client.workflow.count()).resolves.toMatchObject({ count: 0 }))
})

test('a program that ends at once fails the start with what it wrote last', async () => {
  const options = await place()
  const broken = await script(join(options.dir, '..', 'broken'), 'echo first; echo out of luck >&2; exit 3')
  const failure = startTemporal({ ...options, program: broken })
  await expect(failure).rejects.toMatchObject({ code: 'TemporalFailed', message: 'the Temporal server ended: exit code 3: out of luck' })
  await start(options)
})

test('the server is in no process group of ours, so Ctrl-C in our terminal does not reach it', async () => {
  const server = await start(await place())
  const group = readFileSync(`/proc/${server.pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[2]
  expect(Number(group)).toBe(server.pid)
})

test('it ends with an owner that is killed', async () => {
  const options = await place()
  const owner = await startOwner(options, process.env)
  const server = { pid: owner.serverPid, startTime: processStartTime(owner.serverPid)! }
  await owner.kill()
  await vi.waitFor(() => expect(isAlive(server)).toBe(false), 15_000)
  await start(options)
})

test('where the kernel is not asked to end it, the next start ends it first, and its state is kept', async () => {
  const options = await place()
  const owner = await startOwner(options, { ...process.env, PATH: '/nonexistent' })
  await withClient({ address: `127.0.0.1:${options.port}` }, (client) =>
    client.workflow.start('sleepy', { workflowId: 'kept', taskQueue: 'none' }),
  )
  await owner.kill()
  expect(processStartTime(owner.serverPid)).not.toBeNull()
  const server = await start(options)
  expect(processStartTime(owner.serverPid)).toBeNull()
  await withClient(server, (client) =>
    expect(client.workflow.getHandle('kept').describe()).resolves.toMatchObject({ status: { name: 'RUNNING' } }),
  )
})

test('a recorded pid that another process has now is left alone', async () => {
  const options = await place()
  const bystander = spawn('sleep', ['600'])
  onTestFinished(() => void bystander.kill())
  const record = recordServer(options.dir, bystander.pid!, false)
  writeFileSync(join(options.dir, 'server.json'), JSON.stringify({ ...record, startTime: record.startTime - 1 }))
  await start(options)
  expect(bystander.exitCode).toBeNull()
  expect(processStartTime(bystander.pid!)).not.toBeNull()
})

test('a database that a killed first start left half-made is made anew', async () => {
  const options = await place()
  writeFileSync(join(options.dir, 'temporal.db'), '')
  recordServer(options.dir, 4_194_305, true)
  await withClient(await start(options), (client) => expect(client.workflow.count()).resolves.toMatchObject({ count: 0 }))
})

test('any other database that does not open is kept, and the start fails with the reason', async () => {
  const options = await place()
  writeFileSync(join(options.dir, 'temporal.db'), 'something of the user')
  await expect(startTemporal(options)).rejects.toMatchObject({ code: 'TemporalFailed', message: expect.stringContaining('not a database') })
  expect(readFileSync(join(options.dir, 'temporal.db'), 'utf8')).toBe('something of the user')
})

async function place(): Promise<TemporalOptions> {
  const folder = await testFolder()
  const [port, uiPort] = (await freePorts(2)) as [number, number]
  const dir = join(folder, 'a folder?with #odd% name')
  mkdirSync(dir)
  return { program, dir, port, uiPort, namespace: 'default', log: join(folder, 'logs', 'temporal.log') }
}

async function start(options: TemporalOptions): Promise<TemporalServer> {
  const server = await startTemporal(options)
  onTestFinished(() => server.stop(0)) // not what is tested, and a graceful stop takes a second
  return server
}

async function withClient<T>(
  { address }: Pick<TemporalServer, 'address'>,
  use: (client: Client) => Promise<T>,
  namespace = 'default',
): Promise<T> {
  const connection = await Connection.connect({ address })
  try {
    return await use(new Client({ connection, namespace }))
  } finally {
    await connection.close()
  }
}

async function startOwner(options: TemporalOptions, env: NodeJS.ProcessEnv): Promise<{ serverPid: number; kill(): Promise<void> }> {
  const argv = ['--import', './test/support/typescript-loader.mjs', './test/embedded/owner.ts', JSON.stringify(options)]
  const owner = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = async (): Promise<void> => {
    if (owner.exitCode !== null || owner.signalCode !== null) return
    const ended = new Promise((resolve) => owner.once('exit', resolve))
    owner.kill('SIGKILL')
    await ended
  }
  onTestFinished(kill)
  for await (const line of createInterface({ input: owner.stdout })) {
    const { pid: serverPid } = JSON.parse(line) as { pid: number }
    const server = { pid: serverPid, startTime: processStartTime(serverPid)! }
    onTestFinished(() => endProcess(server, 0))
    return { serverPid, kill }
  }
  throw new Error('the owner ended before its server was up')
}
