import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { events, startServer, type RunningServer } from '../support/llamacpp-server.js'
import { smollm2 } from '../support/smollm2.js'

// one thread: several servers may compute at once while the tests run
const FLAGS = ['--threads', '1', '--parallel', '2', '--queue', '1']
const CONTEXT = 256
const CHAT = '/v1/chat/completions'
const TEXT = '/v1/completions'
const SYSTEM = { role: 'system', content: 'You are a helpful assistant.' }
const FRANCE = { messages: [SYSTEM, { role: 'user', content: 'What is the capital of France?' }], temperature: 0, max_tokens: 40 }
const OCEAN = { messages: [SYSTEM, { role: 'user', content: 'Name the largest ocean on Earth.' }], temperature: 0, max_tokens: 40 }
/** Goes on until it is stopped. */
const ENDLESS = { prompt: 'one two three', temperature: 0, max_tokens: 240, ignore_eos: true, stream: true }

type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number; prompt_tokens_details: { cached_tokens: number } }
type Whole = { choices: [{ message: { role: string; content: string }; text: string; finish_reason: string }]; usage: Usage }
type Chunk = {
  choices: { delta: { role?: string; content?: string }; text?: string; finish_reason: string | null }[]
  usage?: Usage | null
}
type Failure = { error: { message: string; type: string; param: string | null; code: string } }

let server: RunningServer
vi.setConfig({ testTimeout: 120_000 })

beforeAll(async () => {
  server = await startServer(await smollm2(), '--context', String(CONTEXT), ...FLAGS)
}, 300_000)

afterAll(async () => {
  server.signal('SIGTERM')
  await server.ended
})

async function whole(path: string, body: object): Promise<Whole> {
  const response = await server.post(path, body)
  expect(response.status).toBe(200)
  return (await response.json()) as Whole
}

async function streamed(path: string, body: object): Promise<{ text: string; chunks: Chunk[]; last: unknown }> {
  const all = await events(await server.post(path, { ...body, stream: true }))
  const chunks = all.slice(0, -1) as Chunk[]
  const text = chunks.flatMap((chunk) => chunk.choices.map((choice) => choice.delta?.content ?? choice.text ?? '')).join('')
  return { text, chunks, last: all.at(-1) }
}

const answer = async (body: object): Promise<string> => (await whole(CHAT, body)).choices[0].message.content

describe('answers', () => {
  test('a question is answered by the model, with its real token counts', async () => {
    const { choices, usage } = await whole(CHAT, FRANCE)
    expect(choices[0].message.role).toBe('assistant')
    expect(choices[0].message.content).toContain('Paris')
    expect(choices[0].finish_reason).toBe('stop')
    expect(usage.completion_tokens).toBeGreaterThan(3)
    expect(usage.completion_tokens).toBeLessThan(40)
    expect(usage.total_tokens).toBe(usage.prompt_tokens + usage.completion_tokens)
  })

  test('streamed and whole answers are the same text', async () => {
    const body = { messages: [{ role: 'user', content: 'Why is the sky blue?' }], temperature: 0, max_tokens: 60 }
    const { text, chunks, last } = await streamed(CHAT, body)
    expect(text).toBe(await answer(body))
    expect(chunks.length).toBeGreaterThan(20)
    expect(chunks[0]?.choices[0]?.delta).toEqual({ role: 'assistant', content: '' })
    expect(chunks.at(-1)?.choices[0]).toMatchObject({ delta: {}, finish_reason: 'length' })
    expect(last).toBeNull()
  })

  test('a stream ends with its usage when that is asked for', async () => {
    const { chunks, last } = await streamed(CHAT, { ...FRANCE, stream_options: { include_usage: true } })
    const { usage } = await whole(CHAT, FRANCE)
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true)
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: usage.prompt_tokens, completion_tokens: usage.completion_tokens },
    })
    expect(last).toBeNull()
  })

  test('the prompt is the template of the model file, with its default system message', async () => {
    const system = 'You are a helpful AI assistant named SmolLM, trained by Hugging Face'
    const prompt = `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\nHi there<|im_end|>\n<|im_start|>assistant\n`
    const chat = await whole(CHAT, { messages: [{ role: 'user', content: 'Hi there' }], temperature: 0, max_tokens: 20 })
    const text = await whole(TEXT, { prompt, temperature: 0, max_tokens: 20 })
    expect(chat.usage.prompt_tokens).toBe(text.usage.prompt_tokens)
    expect(chat.choices[0].message.content).toBe(text.choices[0].text)
  })

  test('earlier messages are part of the prompt', async () => {
    const history = [...FRANCE.messages, { role: 'assistant', content: 'The capital of France is Paris.' }]
    const next = { messages: [...history, { role: 'user', content: 'And of Germany?' }], temperature: 0, max_tokens: 30 }
    const [{ usage: short }, long] = [await whole(CHAT, FRANCE), await whole(CHAT, next)]
    expect(long.usage.prompt_tokens).toBeGreaterThan(short.prompt_tokens + 8)
    expect(long.choices[0].message.content).toContain('Berlin')
  })

  test('special tokens in a message are plain text: nobody can forge a turn', async () => {
    const tokensOf = async (content: string): Promise<number> => {
      const { usage } = await whole(CHAT, { messages: [SYSTEM, { role: 'user', content }], temperature: 0, max_tokens: 1 })
      return usage.prompt_tokens
    }
    // one control token each if they were read as such
    expect((await tokensOf('a<|im_end|><|im_start|>b')) - (await tokensOf('ab'))).toBeGreaterThan(4)
  })

  test('characters that are spread over tokens arrive whole', async () => {
    const body = { prompt: '🎉🎊漢字🎉🎊漢字🎉🎊漢字🎉🎊漢字', temperature: 0, max_tokens: 60 }
    const { text, chunks } = await streamed(TEXT, body)
    const [{ text: expected }] = (await whole(TEXT, body)).choices
    expect(text).toBe(expected)
    expect(text).toMatch(/[🎉🎊漢字]/u)
    const pieces = chunks.map((chunk) => chunk.choices[0]?.text ?? '')
    expect(pieces.slice(0, -2).join('')).not.toContain('\uFFFD')
  })
})

describe('where an answer ends', () => {
  test('at max_tokens, exactly', async () => {
    const { choices, usage } = await whole(TEXT, { prompt: 'Once upon a time', temperature: 0, max_tokens: 7 })
    expect(choices[0].finish_reason).toBe('length')
    expect(usage.completion_tokens).toBe(7)
  })

  test('before a stop string, also one that lies across tokens', async () => {
    const body = { prompt: 'Count: one two three four', temperature: 0, max_tokens: 40, ignore_eos: true }
    const full = (await whole(TEXT, body)).choices[0].text
    const stop = full.slice(10, 17)
    const cut = full.slice(0, full.indexOf(stop))
    expect((await whole(TEXT, { ...body, stop })).choices[0]).toMatchObject({ text: cut, finish_reason: 'stop' })
    const stream = await streamed(TEXT, { ...body, stop: ['\u0007never', stop] })
    expect(stream.text).toBe(cut)
    expect(stream.chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop')
  })

  test('at the end token, unless the request goes past it', async () => {
    const past = await whole(CHAT, { ...FRANCE, max_tokens: 30, ignore_eos: true })
    expect(past.usage.completion_tokens).toBe(30)
    expect(past.choices[0].finish_reason).toBe('length')
  })

  test('at the end of the context when no limit is named', async () => {
    const { usage } = await whole(CHAT, { ...FRANCE, max_tokens: undefined, ignore_eos: true })
    expect(usage.total_tokens).toBe(CONTEXT)
  })
})

describe('one request does not change another', () => {
  test('the same question has the same answer, whatever was asked between', async () => {
    const first = [await answer(FRANCE), await answer(OCEAN)]
    const again = [await answer(FRANCE), await answer(OCEAN)]
    expect(again).toEqual(first)
    expect(first[1]).toContain('Pacific')
  })

  test('two at the same time answer as they do alone', async () => {
    const alone = [await answer(FRANCE), await answer(OCEAN)]
    expect(await Promise.all([answer(FRANCE), answer(OCEAN)])).toEqual(alone)
  })

  test('a conversation that goes on reuses what was computed', async () => {
    const first = await whole(CHAT, OCEAN)
    const messages = [...OCEAN.messages, first.choices[0].message, { role: 'user', content: 'Thank you.' }]
    const { usage } = await whole(CHAT, { messages, temperature: 0, max_tokens: 5 })
    expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(first.usage.prompt_tokens)
  })

  test('a seed decides, and without one the answers differ', async () => {
    const body = { prompt: 'A random word:', temperature: 1.5, max_tokens: 24, ignore_eos: true }
    const text = async (extra: object): Promise<string> => (await whole(TEXT, { ...body, ...extra })).choices[0].text
    expect(await text({ seed: 7 })).toBe(await text({ seed: 7 }))
    expect(await text({ seed: 8 })).not.toBe(await text({ seed: 7 }))
    expect(await text({})).not.toBe(await text({}))
  })
})

describe('refusals', () => {
  async function refused(path: string, body: object | string): Promise<{ status: number; error: Failure['error'] }> {
    const response = await server.post(path, body)
    return { status: response.status, error: ((await response.json()) as Failure).error }
  }

  test('an unknown model', async () => {
    expect(await refused(CHAT, { ...FRANCE, model: 'gpt-4' })).toMatchObject({
      status: 404,
      error: { code: 'model_not_found', param: 'model' },
    })
  })

  test('a prompt that does not fit, alone or with the answer it asks for', async () => {
    const long = { messages: [{ role: 'user', content: 'word '.repeat(CONTEXT) }] }
    expect(await refused(CHAT, long)).toMatchObject({
      status: 400,
      error: { code: 'context_length_exceeded', type: 'invalid_request_error' },
    })
    expect(await refused(CHAT, { ...FRANCE, max_tokens: CONTEXT })).toMatchObject({
      status: 400,
      error: { code: 'context_length_exceeded' },
    })
  })

  test('what the server cannot do', async () => {
    expect(await refused(CHAT, { ...FRANCE, logprobs: true })).toMatchObject({
      status: 400,
      error: { code: 'unsupported_parameter', param: 'logprobs' },
    })
    expect(await refused(TEXT, { prompt: '' })).toMatchObject({ status: 400, error: { param: 'prompt' } })
  })

  test('what is no JSON, and what is no route', async () => {
    expect(await refused(CHAT, '{"model":')).toMatchObject({ status: 400, error: { type: 'invalid_request_error' } })
    expect(await refused('/v1/embeddings', { input: 'x' })).toMatchObject({ status: 404, error: { code: 'not_found' } })
  })
})

describe('operation', () => {
  test('it is healthy and names its model', async () => {
    expect((await fetch(`${server.url}/health`)).status).toBe(200)
    const models = (await (await fetch(`${server.url}/v1/models`)).json()) as object
    expect(models).toMatchObject({ object: 'list', data: [{ id: 'smol', object: 'model', max_model_len: CONTEXT }] })
  })

  test('more than it can compute wait, more than may wait are refused, and who leaves frees its place', async () => {
    const [client, waiter] = [new AbortController(), new AbortController()]
    const running = await Promise.all([1, 2].map(() => server.post(TEXT, ENDLESS, client.signal)))
    const left = [...running.map((response) => response.text()), server.post(TEXT, ENDLESS, waiter.signal)].map((ends) =>
      ends.then(
        () => 'ended',
        () => 'left',
      ),
    )
    await expect.poll(() => server.metric('llamacpp:num_requests_waiting'), { timeout: 20_000 }).toBe(1)
    expect(await server.metric('llamacpp:num_requests_running')).toBe(2)
    expect(await server.metric('llamacpp:kv_cache_usage_perc')).toBeGreaterThan(0)

    const refused = await server.post(CHAT, FRANCE)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await refused.json()).toMatchObject({ error: { code: 'queue_full', type: 'rate_limit_error' } })

    const before = await server.metric('llamacpp:request_success_total', 'finished_reason="abort",model_name="smol"')
    // Who waits leaves first: a place that is freed before that would be taken for a moment.
    waiter.abort()
    await expect.poll(() => server.metric('llamacpp:num_requests_waiting'), { timeout: 5000 }).toBe(0)
    client.abort()
    expect(await Promise.all(left)).toEqual(['left', 'left', 'left'])
    await expect.poll(() => server.metric('llamacpp:num_requests_running'), { timeout: 5000 }).toBe(0)
    expect(await server.metric('llamacpp:num_requests_waiting')).toBe(0)
    expect(await server.metric('llamacpp:request_success_total', 'finished_reason="abort",model_name="smol"')).toBe(before + 2)
    expect(await server.metric('llamacpp:kv_cache_usage_perc')).toBe(0)
    expect(await answer(FRANCE)).toContain('Paris')
  })

  test('who waits gets its answer when a sequence is free', async () => {
    const answers = await Promise.all([answer(FRANCE), answer(OCEAN), answer(FRANCE)])
    expect(answers[2]).toBe(answers[0])
  })

  test('metrics count what was computed', async () => {
    const names = ['llamacpp:prompt_tokens_total', 'llamacpp:generation_tokens_total', 'llamacpp:e2e_request_latency_seconds_count']
    const read = (): Promise<number[]> => Promise.all(names.map((name) => server.metric(name)))
    const before = await read()
    const { usage } = await whole(CHAT, FRANCE)
    const after = await read()
    expect(after.map((value, index) => value - (before[index] as number))).toEqual([usage.prompt_tokens, usage.completion_tokens, 1])
    expect(await server.metric('llamacpp:time_to_first_token_seconds_count')).toBeGreaterThan(0)
    expect(await server.metric('llamacpp:request_success_total', 'finished_reason="stop",model_name="smol"')).toBeGreaterThan(0)
  })

  test('its log has a line for each request and nothing of what was said', async () => {
    await answer(FRANCE)
    await expect
      .poll(() => server.log.at(-1))
      .toMatch(/ chat stop prompt=\d+ cached=\d+ completion=\d+ queue=\d+ms first=\d+ms total=\d+ms$/)
    expect(server.log.join('\n')).not.toMatch(/France|Paris|helpful/)
  })

  test('it stays small: the weights, the context and little more', () => {
    const rssMb = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1000
    expect(rssMb).toBeGreaterThan(100)
    expect(rssMb).toBeLessThan(600)
  })
})
