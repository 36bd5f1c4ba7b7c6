import { expect, test } from 'vitest'
import type { EngineSpec } from '../../src/domain/engine.js'
import { engines } from '../../src/engines/index.js'
import { BIND, SPEC, TOOLS, gpus } from './specs.js'

const command = ['/opt/tgi/launcher', '--model={model}', '--listen', '{host}:{port}', '--name', '{name}']
const commandOf = (more: Partial<EngineSpec>) => engines.custom.command({ ...SPEC, backend: 'custom', command, ...more }, TOOLS, BIND)

test('fills in the command and shows it the granted GPUs', () => {
  const { argv, env } = commandOf({ gpus: [2, 3], parallel: { ...SPEC.parallel, tensor: 2 }, env: { MODE: 'fast' } })
  expect(argv).toEqual(['/opt/tgi/launcher', '--model=/hub/snapshots/abc', '--listen', '127.0.0.1:8100', '--name', 'chat'])
  expect(env).toEqual({ MODE: 'fast', HIP_VISIBLE_DEVICES: '2,3' })
})

test('knows context, GPUs, tensor parallelism and the one file of a repository', () => {
  const all = ['/bin/serve', '{port}', '{context}', '{gpus}', '{tensor}', '{model}']
  const parallel = { ...SPEC.parallel, tensor: 2 }
  expect(commandOf({ command: all, context: 4096, gpus: gpus(2), parallel, modelFile: 'model.gguf' }).argv).toEqual([
    '/bin/serve',
    '8100',
    '4096',
    '0,1',
    '2',
    '/hub/snapshots/abc/model.gguf',
  ])
})

test('what is no placeholder stays: JSON, and a value with braces in it', () => {
  const args = ['/bin/serve', '{port}', '{"a": {"b": 1}}']
  expect(commandOf({ command: args, servedName: '{host}' }).argv).toEqual(['/bin/serve', '8100', '{"a": {"b": 1}}'])
  expect(commandOf({ command: ['/bin/serve', '{port}', '{name}'], servedName: '{host}' }).argv[2]).toBe('{host}')
})

test.each<[string, Partial<EngineSpec>]>([
  ['command', { command: ['serve', '{port}'] }],
  ['command', { command: ['./serve', '{port}'] }],
  ['command', { command: ['/bin/serve'] }],
  ['command', { command: ['/bin/serve', '{port}', '{tokens}'] }],
  ['command', { command: ['/bin/serve', '{port}', '{context}'] }],
  ['command', { command: ['/bin/serve', '{port}', '{gpus}'] }],
  ['command', { command: ['/bin/serve', '{port}', 'a\0b'] }],
  ['settings.maxSequences', { settings: { maxSequences: 4 } }],
  ['settings.trustRemoteCode', { settings: { trustRemoteCode: true } }],
  ['args.threads', { args: { threads: 4 } }],
  ['env.HF_TOKEN', { env: { HF_TOKEN: 'x' } }],
  ['group', { group: { nodes: 2, rank: 0, leader: 'a:1' } }],
])('refuses a wrong %s', (field, wrong) => {
  expect(() => commandOf(wrong)).toThrow(expect.objectContaining({ code: 'InvalidInput', details: expect.objectContaining({ field }) }))
})

test('needs a command', () => {
  expect(() => engines.custom.command({ ...SPEC, backend: 'custom' }, TOOLS, BIND)).toThrow(
    expect.objectContaining({ details: expect.objectContaining({ field: 'command' }) }),
  )
})
