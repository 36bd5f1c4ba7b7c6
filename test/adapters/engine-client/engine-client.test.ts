import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { createEngineClient } from '../../../src/adapters/engine-client/index.js'

type Handler = (path: string, body: Record<string, unknown>, response: ServerResponse, request: IncomingMessage) => void

const servers: { close: () => void }[] = []
afterEach(() => servers.splice(0).forEach((server) => server.close()))

/** An engine that answers as a test says, on a port of its own. */
async function engine(handle: Handler): Promise<string> {
  const server = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => handle(request.url ?? '', text === '' ? {} : (JSON.parse(text) as Record<string, unknown>), response, request))
  })
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1' }, resolve))
  servers.push({ close: () => (server.close(), server.closeAllConnections()) })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body))
}
const chatAnswer = (message: object, usage: object = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 }) => ({
  choices: [{ index: 0, message }],
  usage,
})

const client = createEngineClient({ healthMs: 500, completeMs: 1_000 })

describe('health', () => {
  test.each([
    [200, true],
    [503, false],
    [404, false],
  ])('HTTP %i is %s', async (status, healthy) => {
    const url = await engine((path, _, response) => send(response, path === '/health' ? status : 500, ''))
    expect(await client.healthy(url, '/health')).toBe(healthy)
  })

  test('a refused connection is not healthy, and no error', async () => {
    const url = await engine(() => undefined)
    servers.splice(0).forEach((server) => server.close())
    expect(await client.healthy(url, '/health')).toBe(false)
  })

  test('no answer in time is not healthy', async () => {
    expect(await client.healthy(await engine(() => undefined), '/health')).toBe(false)
  })

  test('a caller who gives up is told so', async () => {
    const url = await engine(() => undefined)
    await expect(client.healthy(url, '/health', AbortSignal.timeout(50))).rejects.toMatchObject({ name: 'TimeoutError' })
    await expect(client.healthy(url, '/health', AbortSignal.abort(new Error('shutdown')))).rejects.toThrow('shutdown')
  })
})

describe('metrics', () => {
  const PAGE = [
    '# HELP vllm:num_requests_running Number of requests in model execution batches.',
    '# TYPE vllm:num_requests_running gauge',
    'vllm:num_requests_running{engine="0",model_name="a}b c"} 3.0',
    'vllm:num_requests_running{engine="1",model_name="a}b c"} 2.0',
    'vllm:generation_tokens_total{model_name="chat"} 1.2e+06 1700000000000',
    'vllm:generation_tokens_created{model_name="chat"} 1.7e+09',
    'vllm:num_requests_waiting 7',
    'vllm:kv_cache_usage_perc{engine="0"} NaN',
  ].join('\n')
  const names = ['vllm:num_requests_running', 'vllm:generation_tokens_total', 'vllm:num_requests_waiting', 'vllm:kv_cache_usage_perc', 'x']

  test('are summed over labels; what is not there, or no number, is left out', async () => {
    const url = await engine((path, _, response) => send(response, path === '/metrics' ? 200 : 404, PAGE))
    expect(await client.metrics(url, '/metrics', names)).toEqual({
      'vllm:num_requests_running': 5,
      'vllm:generation_tokens_total': 1_200_000,
      'vllm:num_requests_waiting': 7,
    })
    expect(await client.metrics(url, '/elsewhere', names)).toBeNull()
  })

  test('of an engine that is silent or gone are not known, and a caller who gives up is told so', async () => {
    const url = await engine(() => undefined)
    expect(await client.metrics(url, '/metrics', names)).toBeNull()
    await expect(client.metrics(url, '/metrics', names, AbortSignal.abort(new Error('shutdown')))).rejects.toThrow('shutdown')
    servers.splice(0).forEach((server) => server.close())
    expect(await client.metrics(url, '/metrics', names)).toBeNull()
  })
})

describe('the proof of readiness', () => {
  test('is one short completion under the served name', async () => {
    const asked: unknown[] = []
    const url = await engine((path, body, response) => {
      asked.push({ path, ...body })
      send(response, 200, chatAnswer({ role: 'assistant', content: 'Hello!', refusal: null }))
    })
    const { text, tokens, ms } = await client.complete(url, 'chat')
    expect([text, tokens]).toEqual(['Hello!', 3])
    expect(ms).toBeGreaterThan(0)
    expect(asked).toEqual([expect.objectContaining({ path: '/v1/chat/completions', model: 'chat', max_tokens: 8, temperature: 0 })])
  })

  test('a model that only had time to reason did compute', async () => {
    const url = await engine((_, __, response) => send(response, 200, chatAnswer({ content: null, reasoning_content: 'The user says' })))
    expect((await client.complete(url, 'chat')).text).toBe('The user says')
  })

  test.each([
    ['vLLM', 'As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template'],
    ['llamacpp', 'this model has no chat template; use /v1/completions'],
  ])('without a chat template (%s) it is a plain completion', async (_, message) => {
    const url = await engine((path, body, response) => {
      if (path === '/v1/chat/completions') return send(response, 400, { error: { message } })
      const isPlain = path === '/v1/completions' && typeof body['prompt'] === 'string' && body['max_tokens'] === 8
      return send(response, isPlain ? 200 : 500, { choices: [{ text: ' world' }], usage: { completion_tokens: 1 } })
    })
    expect(await client.complete(url, 'chat')).toMatchObject({ text: ' world', tokens: 1 })
  })

  test.each<[string, number, unknown, RegExp]>([
    ['an empty text', 200, chatAnswer({ content: '  ' }), /empty text/],
    ['no text at all', 200, chatAnswer({ content: null }), /empty text/],
    ['no token', 200, chatAnswer({ content: 'x' }, { completion_tokens: 0 }), /usage\.completion_tokens: no token/],
    ['no choice', 200, { choices: [], usage: { completion_tokens: 1 } }, /choices/],
    ['no usage', 200, { choices: [{ message: { content: 'x' } }] }, /usage/],
    ['a web page', 200, '<html>', /not JSON: <html>/],
    ['another refusal', 400, { error: { message: 'max_tokens is too large' } }, /HTTP 400: .*max_tokens/],
    ['an unknown model', 404, { error: { message: 'The model `chat` does not exist.' } }, /HTTP 404/],
    ['a dead engine', 500, 'EngineDeadError', /HTTP 500: EngineDeadError/],
    ['no content', 204, '', /HTTP 204/],
  ])('%s proves nothing', async (_what, status, body, reason) => {
    const url = await engine((_, __, response) => send(response, status, body))
    await expect(client.complete(url, 'chat')).rejects.toMatchObject({
      code: 'EngineNotAnswering',
      details: { reason: expect.stringMatching(reason) },
    })
  })

  test('neither does an engine that is silent, hangs up, or is not there', async () => {
    await expect(client.complete(await engine(() => undefined), 'chat')).rejects.toMatchObject({
      details: { reason: 'no answer within 1 s' },
    })
    const hangsUp = await engine((_, __, response) => response.socket?.destroy())
    await expect(client.complete(hangsUp, 'chat')).rejects.toMatchObject({ code: 'EngineNotAnswering' })
    servers.splice(0).forEach((server) => server.close())
    await expect(client.complete(hangsUp, 'chat')).rejects.toMatchObject({
      code: 'EngineNotAnswering',
      details: { reason: 'ECONNREFUSED' },
    })
  })

  test('a caller who gives up is told so', async () => {
    const url = await engine(() => undefined)
    await expect(client.complete(url, 'chat', AbortSignal.abort(new Error('shutdown')))).rejects.toThrow('shutdown')
  })
})
