// The endpoints of a vLLM server, and its metrics. It says no words but `simulated`.
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

const WORD = ' simulated'

/** Serves `served`. `behaviour` may be changed while it runs, by a test and by POST /test/behave. */
export function createEngineServer({ served, root, context, behaviour, die }) {
  const counts = { running: 0, stuck: 0, prompt: 0, generated: 0, finished: 0, asked: 0 }
  const server = createServer((request, response) => {
    answer(request, response).catch((/** @type {unknown} */ error) => {
      if (!response.headersSent) send(response, 500, { object: 'error', message: String(error) })
    })
  })
  const decoding = setInterval(() => (counts.generated += behaviour.decoding ?? 0), 100)
  decoding.unref()
  return server

  async function answer(request, response) {
    const { pathname } = new URL(request.url, 'http://localhost')
    if (request.method === 'POST' && pathname === '/test/behave') return behave(request, response)
    const hung = behaviour.hang ?? (behaviour.hangAfter !== undefined && counts.asked >= behaviour.hangAfter ? 'engine' : undefined)
    // The front of vLLM answers while its core stands still.
    if (hung === 'all') return
    if (pathname === '/health') return send(response, behaviour.unhealthy === true ? 503 : 200)
    if (pathname === '/metrics') return send(response, 200, metrics(served, counts, behaviour.decoding === undefined ? 0 : 1))
    if (pathname === '/v1/models') return send(response, 200, models())
    const chat = pathname === '/v1/chat/completions'
    if (request.method !== 'POST' || !(chat || pathname === '/v1/completions')) return send(response, 404, { detail: 'Not Found' })
    const body = await bodyOf(request)
    counts.asked += 1
    if (hung === 'engine') {
      // It comes to wait, and the core that stands still gives it no memory.
      counts.stuck += 1
      response.once('close', () => (counts.stuck -= 1))
      return
    }
    if (behaviour.dieAfter !== undefined && counts.asked > behaviour.dieAfter) return die()
    if (behaviour.answer === 'error') return send(response, 500, { object: 'error', message: 'EngineCore encountered an issue' })
    if (body.model !== served) return send(response, 404, { object: 'error', message: `The model \`${body.model}\` does not exist.` })
    return generate(body, chat, response)
  }

  async function generate(body, chat, response) {
    const tokens = Math.min(body.max_tokens ?? 16, behaviour.tokens ?? Infinity)
    const prompt = String(chat ? body.messages.map(({ content }) => content).join(' ') : body.prompt).split(' ').length
    const word = behaviour.answer === 'empty' ? '' : WORD
    const write = body.stream === true ? streamed(response, body, chat) : null
    let text = ''
    counts.running += 1
    counts.prompt += prompt
    for (let n = 0; n < tokens && !response.destroyed; n++) {
      if (behaviour.tokenMs !== undefined) await delay(behaviour.tokenMs)
      while (behaviour.hang !== undefined && !response.destroyed) await delay(20)
      counts.generated += 1
      text += word
      write?.(word, null)
    }
    counts.running -= 1
    counts.finished += 1
    const usage = { prompt_tokens: prompt, completion_tokens: tokens, total_tokens: prompt + tokens }
    if (write !== null) return write('', 'length', usage)
    const choice = chat ? { message: { role: 'assistant', content: text.trim() } } : { text: text.trim() }
    return send(response, 200, { ...head(body, chat), choices: [{ index: 0, ...choice, finish_reason: 'length' }], usage })
  }

  async function behave(request, response) {
    Object.assign(behaviour, await bodyOf(request))
    for (const [name, value] of Object.entries(behaviour)) if (value === null) delete behaviour[name]
    send(response, 200, behaviour)
  }

  function models() {
    const created = Math.floor(Date.now() / 1_000)
    return {
      object: 'list',
      data: [{ id: served, object: 'model', created, owned_by: 'vllm', root, parent: null, max_model_len: context }],
    }
  }
}

const head = ({ model }, chat, chunk = '') => ({
  id: 'simulated',
  object: chat ? `chat.completion${chunk}` : 'text_completion',
  created: Math.floor(Date.now() / 1_000),
  model,
})

/** Server-sent events, as OpenAI has them. */
function streamed(response, body, chat) {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  return (word, finish, usage) => {
    const choice = chat ? { delta: { content: word } } : { text: word }
    const event = { ...head(body, chat, '.chunk'), choices: [{ index: 0, ...choice, finish_reason: finish }], ...(usage && { usage }) }
    response.write(`data: ${JSON.stringify(event)}\n\n`)
    if (finish !== null) response.end('data: [DONE]\n\n')
  }
}

function metrics(served, { running, stuck, prompt, generated, finished }, busy) {
  const values = {
    num_requests_running: running + stuck + busy,
    num_requests_waiting: 0,
    kv_cache_usage_perc: Math.min(1, (running + busy) / 100),
    prompt_tokens_total: prompt,
    generation_tokens_total: generated,
    num_preemptions_total: 0,
    'request_success_total{finished_reason="length",': finished,
  }
  return Object.entries(values)
    .map(([name, value]) => `vllm:${name.includes('{') ? name : `${name}{`}engine="0",model_name="${served}",simulated="true"} ${value}\n`)
    .join('')
}

async function bodyOf(request) {
  return JSON.parse(Buffer.concat(await request.toArray()).toString('utf8'))
}

function send(response, code, body = '') {
  const json = typeof body === 'object'
  response.writeHead(code, { 'content-type': json ? 'application/json' : 'text/plain' }).end(json ? JSON.stringify(body) : body)
}
