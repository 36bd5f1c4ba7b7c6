import { Client, Connection } from '@temporalio/client'
import { execFile } from 'node:child_process'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TestProject } from 'vitest/node'
import { loadSettings } from '../../src/config/load.js'
import { isAimError } from '../../src/contracts/errors.js'
import { obtainTemporal } from '../../src/embedded/obtain.js'
import { startTemporal, type TemporalServer } from '../../src/embedded/server.js'
import { freePorts } from '../../src/config/free-ports.js'
import { temporalAddress, type TemporalStart } from './temporal-address.js'

/**
 * One Temporal server for the whole run, by the product's own code. On a bare machine it is built first (minutes, once), while the tests
 * that need none run already; `temporal-ready.ts` makes the others wait.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Workers run the workflows as they are built. Nothing is done when nothing has changed.
  await promisify(execFile)(process.execPath, [fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url))])
  const dir = await mkdtemp(join(tmpdir(), 'aim-test-temporal-'))
  const giveUp = new AbortController()
  const starting = start(dir, giveUp.signal)
  project.provide('temporalStart', join(dir, 'start.json'))
  return async () => {
    giveUp.abort(new Error('the run ended'))
    await (await starting)?.stop()
    await rm(dir, { recursive: true })
  }
}

/** Tells the tests how it went; null when it did not start. */
async function start(dir: string, signal: AbortSignal): Promise<TemporalServer | null> {
  const tell = async (outcome: TemporalStart): Promise<void> => {
    await writeFile(join(dir, 'start.part'), JSON.stringify(outcome))
    await rename(join(dir, 'start.part'), join(dir, 'start.json'))
  }
  try {
    const server = await startOnFreePorts(await testProgram(signal), dir)
    await tell({ address: server.address })
    return server
  } catch (error) {
    await tell({ error: (error as Error).message })
    return null
  }
}

export type TestEnvironment = { address: string; connection: Connection; client: Client; close(): Promise<void> }

/** A client of the shared server; `close` it at the end. */
export async function testEnvironment(namespace = 'default'): Promise<TestEnvironment> {
  const address = temporalAddress()
  const connection = await Connection.connect({ address })
  return { address, connection, client: new Client({ connection, namespace }), close: () => connection.close() }
}

/** The `temporal` program that tests run, found or obtained as users get it. */
export async function testProgram(signal?: AbortSignal): Promise<string> {
  const { temporalBin, cacheDir } = loadSettings().settings
  const { path } = await obtainTemporal({ temporalBin, cacheDir, signal, onProgress: (line) => process.stderr.write(`${line}\n`) })
  return path
}

/** A free port may be taken before the server has it, by anything on the machine: then others are tried. */
async function startOnFreePorts(program: string, dir: string, tries = 5): Promise<TemporalServer> {
  const [port, uiPort] = (await freePorts(2)) as [number, number]
  try {
    return await startTemporal({ program, dir, port, uiPort, namespace: 'default', log: join(dir, 'server.log') })
  } catch (error) {
    if (tries === 1 || !isAimError(error) || !['PortTaken', 'TemporalFailed'].includes(error.code)) throw error
    return startOnFreePorts(program, dir, tries - 1)
  }
}
