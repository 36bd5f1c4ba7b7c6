import { describe, expect, test } from 'vitest'
import type { EngineSpec } from '../../src/domain/engine.js'
import { commandWith, engines } from '../../src/engines/index.js'

const tools = { node: '/usr/bin/node', llamacppServer: '/aim/llamacpp-server/main.js', vllm: null }
const bind = { host: '127.0.0.1', port: 8100 }
const spec: EngineSpec = {
  backend: 'llamacpp',
  servedName: 'chat',
  modelPath: '/hub/snapshots/abc',
  modelFile: 'model.Q4_1.gguf',
  gpus: [],
  args: {},
  env: {},
}

describe('the command of llamacpp', () => {
  test('serves one file under one name on one address', () => {
    const { argv, env } = commandWith(tools)({ ...spec, context: 2048 }, bind)
    expect(argv.slice(0, 4)).toEqual(['/usr/bin/node', '/aim/llamacpp-server/main.js', '--model', '/hub/snapshots/abc/model.Q4_1.gguf'])
    expect(argv.slice(4)).toEqual(['--served-model-name', 'chat', '--host', '127.0.0.1', '--port', '8100', '--context', '2048'])
    expect(env).toEqual({})
  })

  test('leaves the context to the model when none was asked for', () => {
    expect(engines.llamacpp.command(spec, tools, bind).argv).not.toContain('--context')
  })

  test.each([
    ['modelFile', { modelFile: undefined }],
    ['modelFile', { modelFile: '../../etc/passwd' }],
    ['modelFile', { modelFile: '/etc/passwd' }],
    ['gpus', { gpus: [0] }],
  ])('refuses a spec with a wrong %s', (field, wrong) => {
    expect(() => engines.llamacpp.command({ ...spec, ...wrong } as EngineSpec, tools, bind)).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field }) }),
    )
  })
})
