import { spawnSync } from 'node:child_process'
import * as fc from 'fast-check'
import type { EngineSpec } from '../../../src/domain/engine.js'
import type { RenderInput } from '../../../src/engines/render/index.js'

const SPEC: EngineSpec = {
  backend: 'vllm',
  servedName: 'chat',
  modelPath: '/data/hf/hub/models--a--b/snapshots/0123',
  gpus: [2, 3],
  parallel: { tensor: 2, pipeline: 1, data: 1, expert: false },
  settings: {},
  args: {},
  env: {},
}

/** A candidate on two GPUs, with what a test changes of it. */
export function inputOf({ spec, ...more }: Partial<Omit<RenderInput, 'spec'>> & { spec?: Partial<EngineSpec> } = {}): RenderInput {
  return {
    spec: { ...SPEC, ...spec },
    command: {
      argv: ['/usr/local/bin/vllm', 'serve', SPEC.modelPath, '--host', '0.0.0.0', '--port', '8100', '--block-size=1'],
      env: { HF_HUB_OFFLINE: '1', HIP_VISIBLE_DEVICES: '2,3' },
    },
    bind: { host: '0.0.0.0', port: 8100 },
    image: 'vllm/vllm-openai-rocm:v0.32.0',
    name: 'chat',
    cachePath: '/data/hf',
    arch: 'gfx942',
    probe: { path: '/health', timeoutSeconds: 5 },
    ...more,
  }
}

/** What a shell, YAML, compose and Kubernetes each might read as something else. */
const NASTY = [
  "'",
  '"',
  '$(id)',
  '`id`',
  '${HOME}',
  '$HOME',
  '$$',
  '$(A',
  ' ',
  '\n',
  '\t',
  '\\',
  '*',
  '~',
  '#',
  '!',
  '&',
  ': ',
  '- ',
  'é',
  '猫',
  '😀',
  '\u2028',
  '\u0085',
  '=',
]

/** Any text that can be an argument of a program, most of it hard to quote. */
export const argument = fc
  .array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 4 }), fc.constantFrom('true', 'no', '1e3', '0x1')), {
    maxLength: 6,
  })
  .map((parts) => parts.join('').replaceAll('\0', ''))
  .map((text) => Buffer.from(text, 'utf8').toString('utf8'))

/** The words that bash makes of a text, when it runs it with another program in the place of the first word. */
export function wordsByBash(text: string): string[] {
  const script = text.replace(/^(?:#.*\n)*(?:env|docker)(?= )/, String.raw`printf '%s\0'`)
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', env: {} })
  if (status !== 0) throw new Error(`bash ended with ${status}: ${stderr}`)
  return stdout.split('\0').slice(0, -1)
}
