import { describe, expect, test } from 'vitest'
import type { EngineSpec } from '../../src/domain/engine.js'
import { engines } from '../../src/engines/index.js'

const TOOLS = { node: '/node', llamacppServer: '/llamacpp', vllm: '/vllm', sglang: '/sglang' }
const BIND = { host: '127.0.0.1', port: 8000 }

function command(backend: 'vllm' | 'sglang' | 'custom', change: Partial<EngineSpec>): string[] {
  const parallel = { tensor: 1, pipeline: 1, data: 1, expert: false }
  const spec = { backend, servedName: 'x', modelPath: '/m', gpus: [0], parallel, settings: {}, args: {}, env: {}, ...change }
  return engines[backend].command(spec, TOOLS, BIND).argv
}

describe('flags that nobody may give', () => {
  test.each(['trust-remote', 'trust', 'hos', 'por', 'api-ke', 'api', 'served', 'middle', 'hf-over'])(
    'the beginning %s is refused like the whole',
    (name) => {
      for (const backend of ['vllm', 'sglang'] as const) {
        expect(() => command(backend, { args: { [name]: 'x' } })).toThrow(`args.${name}`)
      }
    },
  )

  test.each([
    'middleware',
    'worker-extension-cls',
    'tool-parser-plugin',
    'hf-overrides',
    'hf-overrides.auto_map',
    'tokenizer',
    'lora-modules',
    'custom-weight-loader',
  ])('%s loads what nobody planned', (name) => {
    expect(() => command('vllm', { args: { [name]: 'x' } })).toThrow('would load what nobody planned or consented to')
  })

  test('a flag that only shares letters with one of them passes', () => {
    expect(command('vllm', { args: { 'max-num-seqs': 8, 'tokenizer-mode': 'mistral' } })).toContain('--max-num-seqs')
  })

  test.each(['--trust-remote-code', '--trust_remote_code=true', '--api-key', '--hf-token=x'])(
    '%s is refused in a custom command too',
    (word) => {
      expect(() => command('custom', { command: ['/bin/serve', '--port', '{port}', word] })).toThrow('command.3')
    },
  )
})
