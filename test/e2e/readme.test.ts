import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load.js'
import { sampleWeights } from '../../src/quickstart/sample-weights.js'
import { Stack, ended, type Ended } from '../support/stack.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map((block) => (block[1] ?? '').trim().split('\n'))
const [quickstart = [], tests = [], usage = []] = blocks

/** A command of the README as it stands there, word by word. */
function run(line: string, stack: Stack): Promise<Ended> {
  const [program = '', ...argv] = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')
  return ended(spawn(program, argv, { cwd: ROOT, env: stack.env, stdio: ['ignore', 'pipe', 'pipe'] }))
}

describe('the README', () => {
  test('names as first commands what CI runs on a fresh clone', () => {
    expect(quickstart).toEqual(['npm ci && npm run quickstart -- --once'])
    expect(tests).toEqual(['npm ci && npm test'])
    const phases = [...readFileSync(join(ROOT, '.ci/run'), 'utf8').matchAll(/^phase \w+ '(.+)'$/gm)].map(([, command]) => command)
    expect(phases.slice(0, 2)).toEqual(tests[0]?.split(' && '))
    expect(blocks).toHaveLength(3)
  })

  test('its quickstart deploys a real model, prints its answer, and leaves nothing running', async () => {
    const stack = await Stack.create({}, { bare: true })
    try {
      const { code, stdout, stderr } = await run((quickstart[0] ?? '').replace('npm ci && ', ''), stack)
      expect(code, stderr).toBe(0)
      expect(stdout).toContain('Paris')
      expect(stdout).toMatch(/url\s+http:\/\/127\.0\.0\.1:\d+\/v1/)
      expect(stderr).toMatch(/Temporal UI: http:\/\/127\.0\.0\.1:\d+/)
      expect(stack.processes()).toEqual([])
    } finally {
      await stack.destroy()
    }
  }, 180_000)

  test('its commands work as they stand there, one after the other', async () => {
    const stack = await Stack.create({}, { bare: true })
    try {
      // The model that it names is served by our own hub; the bytes are those of a model that a test can afford.
      const { file } = await sampleWeights({ cacheDir: loadSettings().settings.cacheDir })
      mkdirSync(join(stack.folder, 'models', 'Qwen', 'Qwen3-8B'), { recursive: true })
      cpSync(file, join(stack.folder, 'models', 'Qwen', 'Qwen3-8B', 'model.gguf'))
      stack.env['AIM_HUB_DIR'] = join(stack.folder, 'models')
      stack.env['AIM_TEMPORAL_PORT'] = `${stack.ports[0]}`
      stack.env['AIM_UI_PORT'] = `${stack.ports[1]}`
      stack.env['AIM_API_PORT'] = `${stack.ports[2]}`
      for (const line of usage) {
        const { code, stdout, stderr } = await run(line, stack)
        expect(code, `${line}\n${stderr}`).toBe(0)
        expect(stdout, line).not.toBe('')
      }
      expect(stack.processes()).toEqual([])
    } finally {
      await stack.destroy()
    }
  }, 240_000)
})
