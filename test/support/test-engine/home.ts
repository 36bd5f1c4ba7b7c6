import { mkdirSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProcessLauncher } from '../../../src/adapters/launchers/process/index.js'
import { freePorts } from '../../../src/config/free-ports.js'
import type { EngineKey, EngineSpec } from '../../../src/domain/engine.js'
import { commandWith } from '../../../src/engines/index.js'
import { createTestEngine } from './index.js'

/** A node's home with the real process launcher, which starts the test engine. At its end nothing runs and nothing is left. */
export async function createEngineHome() {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'aim-test-engine-')))
  const engine = createTestEngine(dir)
  const modelPath = join(dir, 'models--org--chat', 'snapshots', 'main')
  mkdirSync(modelPath, { recursive: true })
  const [first = 0] = await freePorts(1)
  const command = commandWith({ node: process.execPath, llamacppServer: '/nowhere', vllm: engine.program(), sglang: null })
  const engines = join(dir, 'engines')
  const launcher = createProcessLauncher({ dir: engines, command, ports: `${first}-${Math.min(first + 20, 65_535)}` })
  return {
    dir,
    engines,
    /** What says which process holds which GPU memory. */
    simulated: join(dir, 'simulated'),
    engine,
    launcher,
    spec: (more: Partial<EngineSpec> = {}): EngineSpec => ({
      backend: 'vllm',
      servedName: 'chat',
      modelPath,
      gpus: [0],
      parallel: { tensor: Math.max(1, more.gpus?.length ?? 1), pipeline: 1, data: 1, expert: false },
      settings: {},
      args: {},
      env: {},
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      for (const { key } of await launcher.list()) await launcher.stop(key, 0)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

export type EngineHome = Awaited<ReturnType<typeof createEngineHome>>

export const keyOf = (more: Partial<EngineKey> = {}): EngineKey => ({
  namespace: 'default',
  endpoint: 'chat',
  replica: 0,
  fence: 1,
  launch: 1,
  ...more,
})
