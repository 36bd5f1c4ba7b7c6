import { describe, expect, test } from 'vitest'
import { RENDER_KINDS } from '../../../src/domain/render-kinds.js'
import { engines, type EngineTools } from '../../../src/engines/index.js'
import { hostFor, render } from '../../../src/engines/render/index.js'
import { inputOf } from './support.js'

const TOOLS: EngineTools = { node: 'node', llamacppServer: 'llamacpp-server', vllm: 'vllm', sglang: 'sglang' }

describe.each(['vllm', 'sglang'] as const)('a candidate of %s', (backend) => {
  const { command, endpoints } = engines[backend]
  const rendered = (kind: (typeof RENDER_KINDS)[number]) => {
    const bind = { host: hostFor(kind), port: 8100 }
    const { spec } = inputOf({ spec: { backend, settings: { memoryFraction: 0.9 }, context: 8192 } })
    return render(kind, {
      ...inputOf({ spec }),
      command: command(spec, TOOLS, bind),
      bind,
      probe: { path: endpoints.ready, timeoutSeconds: endpoints.aliveSeconds },
    })
  }

  test.each(RENDER_KINDS)('as %s has every word of the command that a deploy would start', (kind) => {
    const text = rendered(kind)
    const { argv } = command(inputOf({ spec: { backend, settings: { memoryFraction: 0.9 }, context: 8192 } }).spec, TOOLS, {
      host: hostFor(kind),
      port: 8100,
    })
    for (const word of argv) expect(text).toContain(word)
    expect(rendered(kind)).toBe(text)
  })

  test('listens on this machine only as a command, and on every address of its own inside a container', () => {
    for (const kind of RENDER_KINDS) {
      expect(rendered(kind)).toContain(kind === 'command' ? '127.0.0.1' : '0.0.0.0')
      expect(rendered(kind).includes('0.0.0.0')).toBe(kind !== 'command')
    }
  })
})

test.each(RENDER_KINDS)('remarks stand before %s as comments, and nothing in them can leave their line', (kind) => {
  const text = render(kind, inputOf({ remarks: ['Weights of a/b', 'one\nrm -rf /\u2028two\u0085three'] }))
  expect(text).toBe(`# Weights of a/b\n# one rm -rf / two three\n${render(kind, inputOf())}`)
})
