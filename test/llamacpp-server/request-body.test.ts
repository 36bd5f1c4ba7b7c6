import { describe, expect, test } from 'vitest'
import { parseChat, parseText } from '../../src/llamacpp-server/request-body.js'

const user = { role: 'user', content: 'Hi' }
const chat = (extra: object) => parseChat({ model: 'm', messages: [user], ...extra })
const text = (extra: object) => parseText({ model: 'm', prompt: 'Hi', ...extra })

describe('a chat request', () => {
  test('defaults are those of the OpenAI API', () => {
    expect(chat({})).toEqual({
      model: 'm',
      messages: [user],
      maxTokens: undefined,
      stop: [],
      ignoreEos: false,
      sampling: { temperature: 1, topP: 1, topK: 0, minP: 0, seed: undefined },
      stream: false,
      includeUsage: false,
    })
  })

  test('text parts are joined, developer is system', () => {
    const parts = [
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo' },
    ]
    expect(chat({ messages: [{ role: 'developer', content: parts }, user] }).messages[0]).toEqual({ role: 'system', content: 'Hello' })
  })

  test('an answer may be sent back as it was received', () => {
    const answer = { role: 'assistant', content: 'Hello', refusal: null, annotations: [], tool_calls: [], audio: null }
    expect(chat({ messages: [user, answer, user] }).messages).toHaveLength(3)
  })

  test('max_completion_tokens goes before max_tokens, one stop string becomes a list', () => {
    expect(chat({ max_tokens: 5, max_completion_tokens: 7, stop: 'x' })).toMatchObject({ maxTokens: 7, stop: ['x'] })
  })

  test('what clients send by default passes and changes nothing', () => {
    const numbers = { n: 1, frequency_penalty: 0, presence_penalty: 0, logprobs: false, stop: null, seed: null }
    const tools = { logit_bias: {}, tools: [], tool_choice: 'auto', parallel_tool_calls: true, response_format: { type: 'text' } }
    const names = { user: 'u', store: false, modalities: ['text'], metadata: { a: 'b' } }
    expect(chat({ ...numbers, ...tools, ...names })).toEqual(chat({}))
  })
})

describe('a text request', () => {
  test('has 16 tokens by default', () => {
    expect(text({})).toMatchObject({ prompt: 'Hi', maxTokens: 16 })
  })
})

describe('what is refused names the field', () => {
  test.each([
    ['n', { n: 2 }, 'unsupported_parameter'],
    ['logprobs', { logprobs: true }, 'unsupported_parameter'],
    ['top_logprobs', { top_logprobs: 5 }, 'unsupported_parameter'],
    ['logit_bias', { logit_bias: { 5: 1 } }, 'unsupported_parameter'],
    ['tools', { tools: [{ type: 'function' }] }, 'unsupported_parameter'],
    ['response_format', { response_format: { type: 'json_object' } }, 'unsupported_parameter'],
    ['frequency_penalty', { frequency_penalty: 0.5 }, 'unsupported_parameter'],
    ['temprature', { temprature: 0 }, 'unknown_parameter'],
    ['constructor', { constructor: 1 }, 'unknown_parameter'],
    ['temperature', { temperature: 3 }, 'invalid_value'],
    ['temperature', { temperature: '0' }, 'invalid_value'],
    ['top_p', { top_p: 0 }, 'invalid_value'],
    ['max_tokens', { max_tokens: 0 }, 'invalid_value'],
    ['stop.0', { stop: [''] }, 'invalid_value'],
    ['messages', { messages: [] }, 'invalid_value'],
    ['messages', { messages: 'Hi' }, 'invalid_value'],
    ['messages.0', { messages: ['Hi'] }, 'invalid_value'],
    ['messages.0.role', { messages: [{ role: 'tool', content: 'x' }] }, 'invalid_value'],
    ['messages.0.content', { messages: [{ role: 'user' }] }, 'invalid_value'],
    ['messages.0.content', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }, 'invalid_value'],
    [
      'messages.1.tool_calls',
      { messages: [user, { role: 'assistant', content: 'x', tool_calls: [{ id: 'a' }] }] },
      'unsupported_parameter',
    ],
  ])('%s in %j', (param, extra, code) => {
    expect(() => chat(extra)).toThrow(expect.objectContaining({ status: 400, code, param }))
  })

  test.each([
    ['prompt', { prompt: ['a', 'b'] }],
    ['logprobs', { logprobs: 1 }],
    ['echo', { echo: true }],
    ['messages', { messages: [user] }],
  ])('%s in a text request', (param, extra) => {
    expect(() => text(extra)).toThrow(expect.objectContaining({ status: 400, param }))
  })

  test.each([[undefined], [null], ['text'], [5], [[]]])('a body that is no object: %j', (body) => {
    expect(() => parseChat(body)).toThrow(expect.objectContaining({ status: 400 }))
  })
})
