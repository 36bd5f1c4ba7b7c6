import { Client, Connection } from '@temporalio/client'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'
import { loadSettings } from '../../src/config/load.js'
import { isAimError } from '../../src/contracts/errors.js'
import { obtainTemporal } from '../../src/embedded/obtain.js'
import { startTemporal, type TemporalServer } from '../../src/embedded/server.js'
import { freePorts } from '../../src/config/free-ports.js'

declare module 'vitest' {
  export interface ProvidedContext {
    /** host:port of the Temporal server that all test files of a run share. */
    temporalAddress: string
  }
}

/** One Temporal server for the whole run, by the product's own code. On a bare machine it is built first: minutes, once. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = await mkdtemp(join(tmpdir(), 'aim-test-temporal-'))
  const server = await startOnFreePorts(await testProgram(), dir)
  project.provide('temporalAddress', server.address)
  return async () => {
    await server.stop()
    await rm(dir, { recursive: true })
  }
}

export type TestEnvironment = { address: string; connection: Connection; client: Client; close(): Promise<void> }

/** A client of the shared server; `close` it at the end. */
export async function testEnvironment(namespace = 'default'): Promise<TestEnvironment> {
  const address = inject('temporalAddress')
  const connection = await Connection.connect({ address })
  return { address, connection, client: new Client({ connection, namespace }), close: () => connection.close() }
}

/** The `temporal` program that tests run, found or obtained as users get it. */
export async function testProgram(): Promise<string> {
  const { temporalBin, cacheDir } = loadSettings().settings
  const { path } = await obtainTemporal({ temporalBin, cacheDir, onProgress: (line) => process.stderr.write(`${line}\n`) })
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
