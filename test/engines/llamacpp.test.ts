import { describe, expect, test } from 'vitest'
import type { EngineSpec } from '../../src/domain/engine.js'
import { commandWith, engines } from '../../src/engines/index.js'
import { BIND, SPEC, TOOLS } from './specs.js'

const spec: EngineSpec = { ...SPEC, backend: 'llamacpp', modelFile: 'model.Q4_1.gguf' }

describe('the command of llamacpp', () => {
  test('serves one file under one name on one address', () => {
    const { argv, env } = commandWith(TOOLS)({ ...spec, context: 2048 }, BIND)
    expect(argv.slice(0, 4)).toEqual(['/usr/bin/node', '/aim/llamacpp-server/main.js', '--model', '/hub/snapshots/abc/model.Q4_1.gguf'])
    expect(argv.slice(4)).toEqual(['--served-model-name', 'chat', '--host', '127.0.0.1', '--port', '8100', '--context', '2048'])
    expect(env).toEqual({})
  })

  test('leaves the context to the model when none was asked for', () => {
    expect(engines.llamacpp.command(spec, TOOLS, BIND).argv).not.toContain('--context')
  })

  test('says how many requests run at the same time, the one setting that it has', () => {
    expect(engines.llamacpp.command({ ...spec, settings: { maxSequences: 3 } }, TOOLS, BIND).argv).toEqual(
      expect.arrayContaining(['--parallel', '3']),
    )
  })

  test.each([
    ['settings.memoryFraction', { settings: { memoryFraction: 0.9 } }],
    ['settings.toolParser', { settings: { toolParser: 'hermes' } }],
    ['args.trust-remote-code', { args: { 'trust-remote-code': true } }],
    ['modelFile', { modelFile: undefined }],
    ['modelFile', { modelFile: '../../etc/passwd' }],
    ['modelFile', { modelFile: '/etc/passwd' }],
    ['gpus', { gpus: [0] }],
  ])('refuses a spec with a wrong %s', (field, wrong) => {
    expect(() => engines.llamacpp.command({ ...spec, ...wrong } as EngineSpec, TOOLS, BIND)).toThrow(
      expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field }) }),
    )
  })
})
