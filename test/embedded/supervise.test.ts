import { Client, Connection } from '@temporalio/client'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { processStartTime } from '../../src/config/stack-file.js'
import type { TemporalOptions } from '../../src/embedded/server.js'
import { superviseTemporal, type Patience, type TemporalEvent } from '../../src/embedded/supervise.js'
import { freePorts } from '../../src/config/free-ports.js'
import { testProgram } from '../support/temporal.js'
import { script, testFolder } from './programs.js'

const PATIENCE: Patience = { maxQuickDeaths: 3, quickDeathMs: 60_000, firstDelayMs: 20, maxDelayMs: 40 }

let program: string
beforeAll(async () => {
  program = await testProgram()
})

test('a server that dies is started again at its address with its state, and the owner is told', async () => {
  const { options, events, onEvent } = await place()
  // On a busy machine a first try to start again may fail as well: it is one more death, and told.
  const server = await superviseTemporal(options, onEvent, { ...PATIENCE, maxQuickDeaths: 10 })
  onTestFinished(() => server.stop(0))
  const connection = await Connection.connect({ address: server.address })
  onTestFinished(() => connection.close())
  const client = new Client({ connection })
  await client.workflow.start('sleepy', { workflowId: 'kept', taskQueue: 'none' })
  const first = server.pid
  process.kill(first, 'SIGKILL')
  await vi.waitFor(() => expect(events.at(-1)?.kind).toBe('restarted'), 25_000)
  expect(new Set(events.slice(0, -1).map(({ kind }) => kind))).toEqual(new Set(['died']))
  expect(events[0]).toMatchObject({ reason: expect.stringContaining('ended by SIGKILL'), retryInMs: 20 })
  expect(server.pid).not.toBe(first)
  await expect(client.workflow.getHandle('kept').describe()).resolves.toMatchObject({ status: { name: 'RUNNING' } })
})

test('a server that keeps dying is given up with what it wrote last', async () => {
  const { options, events, onEvent, breakProgram } = await place()
  const server = await superviseTemporal(options, onEvent, PATIENCE)
  onTestFinished(() => server.stop(0))
  breakProgram()
  process.kill(server.pid, 'SIGKILL')
  await vi.waitFor(() => expect(events.at(-1)?.kind).toBe('failed'), 20_000)
  expect(events.map(({ kind }) => kind)).toEqual(['died', 'died', 'failed'])
  expect(events.at(-1)).toMatchObject({
    error: {
      code: 'TemporalFailed',
      message: 'the Temporal server ended: exit code 3: out of luck (3 times in a row)',
      fix: `see ${options.log}`,
    },
  })
})

test('a long life clears the count of quick deaths', async () => {
  const { options, events, onEvent } = await place()
  const server = await superviseTemporal(options, onEvent, { ...PATIENCE, maxQuickDeaths: 4, quickDeathMs: 0 })
  onTestFinished(() => server.stop(0))
  const restarts = () => events.filter(({ kind }) => kind === 'restarted').length
  for (let death = 1; death <= 4; death++) {
    process.kill(server.pid, 'SIGKILL')
    await vi.waitFor(() => expect(restarts()).toBe(death), 20_000)
  }
  expect(events.map(({ kind }) => kind)).not.toContain('failed')
})

test('a stop is no death: nothing is started again and no event is sent', async () => {
  const { options, events, onEvent } = await place()
  const server = await superviseTemporal(options, onEvent, PATIENCE)
  await server.stop()
  expect(processStartTime(server.pid)).toBeNull()
  expect(events).toEqual([])
})

test('a stop while it waits to start again ends the waiting', async () => {
  const { options, events, onEvent } = await place()
  const server = await superviseTemporal(options, onEvent, { ...PATIENCE, firstDelayMs: 3_600_000, maxDelayMs: 3_600_000 })
  process.kill(server.pid, 'SIGKILL')
  await vi.waitFor(() => expect(events).toHaveLength(1), 10_000)
  await server.stop()
  expect(events).toMatchObject([{ kind: 'died', retryInMs: 3_600_000 }])
})

test('a stop while it starts again leaves no server', async () => {
  const { options, events, onEvent, slowProgram, pids } = await place()
  const server = await superviseTemporal(options, onEvent, PATIENCE)
  slowProgram()
  process.kill(server.pid, 'SIGKILL')
  await vi.waitFor(() => expect(pids()).toHaveLength(1), 10_000)
  await server.stop()
  expect(pids().map(processStartTime)).toEqual([null])
  expect(events.map(({ kind }) => kind)).toEqual(['died'])
})

/** A place for a server whose program can be made to fail at once, or to start slowly. */
async function place() {
  const folder = await testFolder()
  const dir = join(folder, 'temporal')
  await mkdir(dir)
  const [port, uiPort] = (await freePorts(2)) as [number, number]
  const wrapped = await script(
    join(folder, 'wrapped'),
    ['[ -e broken ] && { echo out of luck >&2; exit 3; }', '[ -e slow ] && { echo $$ >> slow; sleep 1; }', `exec '${program}' "$@"`].join(
      '\n',
    ),
  )
  const events: TemporalEvent[] = []
  const options: TemporalOptions = { program: wrapped, dir, port, uiPort, namespace: 'default', log: join(folder, 'temporal.log') }
  return {
    options,
    events,
    onEvent: (event: TemporalEvent) => void events.push(event),
    breakProgram: () => writeFileSync(join(dir, 'broken'), ''),
    slowProgram: () => writeFileSync(join(dir, 'slow'), ''),
    pids: () => readLines(join(dir, 'slow')).map(Number),
  }
}

function readLines(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean)
}
