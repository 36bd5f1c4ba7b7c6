import { createParser } from 'eventsource-parser'
import type { Replica } from '../contracts/endpoint.js'
import { AimError } from '../contracts/errors.js'
import { openAiUrl } from './endpoint-url.js'

export type ChatMessage = { role: 'system' | 'user'; content: string }
export type ChatRequest = {
  endpoint: string
  messages: ChatMessage[]
  stream: boolean
  maxTokens?: number
  temperature?: number
  onText: (text: string) => void
}

/** `ms` until the end, `firstTokenMs` until the first text of a stream. `tokens` as the engine counts them. */
export type ChatAnswer = {
  model: string
  text: string
  finishReason: string | null
  tokens: number | null
  firstTokenMs: number | null
  ms: number
}

type Usage = { completion_tokens?: number } | null | undefined
type Choice = { message?: { content?: string | null }; delta?: { content?: string | null }; finish_reason?: string | null }
type Body = { choices?: Choice[]; usage?: Usage; error?: { message?: string } | string }

/** Asks the engine over the address that clients use. Throws EngineNotAnswering with what the engine says. */
export async function complete({ url, spec }: Pick<Replica, 'url' | 'spec'>, request: ChatRequest): Promise<ChatAnswer> {
  const started = performance.now()
  const response = await fetch(`${openAiUrl(url)}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: spec.servedName,
      messages: request.messages,
      stream: request.stream,
      ...(request.stream && { stream_options: { include_usage: true } }),
      ...(request.maxTokens !== undefined && { max_tokens: request.maxTokens }),
      ...(request.temperature !== undefined && { temperature: request.temperature }),
    }),
  }).catch((error: unknown) => {
    throw new AimError('EngineNotAnswering', { reason: reasonOf(error), endpoint: request.endpoint }, { cause: error })
  })
  if (!response.ok) throw refused(request.endpoint, `HTTP ${response.status}: ${errorText(await response.text())}`)
  const answer = request.stream ? await readStream(response, request, started) : await readWhole(response, request.endpoint)
  return { model: spec.servedName, ...answer, ms: performance.now() - started }
}

type Read = Omit<ChatAnswer, 'model' | 'ms'>

async function readWhole(response: Response, endpoint: string): Promise<Read> {
  const body = (await response.json()) as Body
  const choice = body.choices?.[0]
  if (choice === undefined) throw refused(endpoint, errorText(JSON.stringify(body)))
  return {
    text: choice.message?.content ?? '',
    finishReason: choice.finish_reason ?? null,
    tokens: body.usage?.completion_tokens ?? null,
    firstTokenMs: null,
  }
}

/** The stream is whole only when it says so (`[DONE]`): an engine that dies midway just closes it. */
async function readStream(response: Response, { endpoint, onText }: ChatRequest, started: number): Promise<Read> {
  const read: Read = { text: '', finishReason: null, tokens: null, firstTokenMs: null }
  let done = false
  const parser = createParser({
    onEvent({ data }) {
      if (data === '[DONE]') {
        done = true
        return
      }
      const { choices, usage, error } = JSON.parse(data) as Body
      if (error !== undefined) throw refused(endpoint, errorText(data))
      read.tokens = usage?.completion_tokens ?? read.tokens
      read.finishReason = choices?.[0]?.finish_reason ?? read.finishReason
      const text = choices?.[0]?.delta?.content ?? ''
      if (text === '') return
      read.firstTokenMs ??= performance.now() - started
      read.text += text
      onText(text)
    },
  })
  const decoder = new TextDecoder()
  try {
    for await (const bytes of response.body ?? []) parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }))
  } catch (error) {
    if (error instanceof AimError) throw error
    throw new AimError('EngineNotAnswering', { reason: `the answer broke off: ${reasonOf(error)}`, endpoint }, { cause: error })
  }
  if (!done) throw refused(endpoint, 'the answer broke off before its end')
  return read
}

function refused(endpoint: string, reason: string): AimError {
  return new AimError('EngineNotAnswering', { reason, endpoint })
}

/** The engine's own words, wherever they stand in its answer. */
function errorText(body: string): string {
  try {
    const { error } = JSON.parse(body) as Body
    const message = typeof error === 'string' ? error : error?.message
    return message ?? body.slice(0, 500)
  } catch {
    return body.slice(0, 500) // not JSON: shown as it came
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}
