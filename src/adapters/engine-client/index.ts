import { z } from 'zod'
import { AimError } from '../../contracts/errors.js'
import { withTimeLimit } from '../time-limit.js'
import type { EngineClient } from '../../ports/engine-client.js'
import { readMetrics } from './metrics.js'

export type EngineClientOptions = {
  /** Milliseconds for an answer that the engine is up; it computes nothing for it. */
  healthMs?: number
  /** Milliseconds for the short completion; the first one on a GPU may still compile kernels. */
  completeMs?: number
}

const PROMPT = 'Say hello.'
const MAX_TOKENS = 8
const LONGEST_REASON = 300

const usage = z.object({ completion_tokens: z.int().min(1, 'no token was generated') })
const text = z.string().nullish()
/** A reasoning model may spend all its tokens on its reasoning; vLLM has called that field by both names. */
const ChatAnswer = z.object({
  choices: z.tuple([z.object({ message: z.object({ content: text, reasoning: text, reasoning_content: text }) })], z.unknown()),
  usage,
})
const TextAnswer = z.object({ choices: z.tuple([z.object({ text: z.string() })], z.unknown()), usage })

/** An answer that proves nothing, and why. */
class NoProof extends Error {}

type Completion = { text: string; tokens: number }

/** Talks the OpenAI protocol that all engines speak. */
export function createEngineClient({ healthMs = 2_000, completeMs = 120_000 }: EngineClientOptions = {}): EngineClient {
  return {
    async healthy(url, path, signal) {
      try {
        return await withTimeLimit(healthMs, signal, async (limit) => {
          const answer = await fetch(`${url}${path}`, { redirect: 'error', signal: limit })
          await answer.body?.cancel()
          return answer.ok
        })
      } catch {
        signal?.throwIfAborted()
        return false // not listening yet, or too busy to say that it is well: both are "not healthy"
      }
    },

    async metrics(url, path, names, signal) {
      try {
        return await withTimeLimit(healthMs, signal, async (limit) => {
          const answer = await fetch(`${url}${path}`, { redirect: 'error', signal: limit })
          const page = await answer.text()
          return answer.ok ? readMetrics(page, names) : null
        })
      } catch {
        signal?.throwIfAborted()
        return null // as with its health: what keeps it from answering is not known here
      }
    },

    async complete(url, model, signal, limitMs = completeMs) {
      const started = performance.now()
      const ask = async (limit: AbortSignal) =>
        (await chat({ url, model, signal: limit })) ?? (await completion({ url, model, signal: limit }))
      try {
        const { text: answer, tokens } = await withTimeLimit(limitMs, signal, ask)
        if (answer.trim() === '') throw new NoProof('it answered with an empty text')
        return { text: answer, tokens, ms: Math.round(performance.now() - started) }
      } catch (error) {
        signal?.throwIfAborted()
        throw new AimError('EngineNotAnswering', { reason: describe(error, limitMs), endpoint: model }, { cause: error })
      }
    },
  }
}

type Ask = { url: string; model: string; signal: AbortSignal }

/** Null when the model has no chat template, which is no fault of the engine. */
async function chat({ url, model, signal }: Ask): Promise<Completion | null> {
  const body = { model, messages: [{ role: 'user', content: PROMPT }], max_tokens: MAX_TOKENS, temperature: 0 }
  const answer = await post(`${url}/v1/chat/completions`, body, signal)
  if (answer.status === 400 && /chat.?template/i.test(answer.text)) return null
  const { choices, usage: used } = parse(ChatAnswer, answer)
  const { content, reasoning, reasoning_content: older } = choices[0].message
  return { text: [content, reasoning, older].find((part) => part?.trim()) ?? '', tokens: used.completion_tokens }
}

async function completion({ url, model, signal }: Ask): Promise<Completion> {
  const body = { model, prompt: PROMPT, max_tokens: MAX_TOKENS, temperature: 0 }
  const { choices, usage: used } = parse(TextAnswer, await post(`${url}/v1/completions`, body, signal))
  return { text: choices[0].text, tokens: used.completion_tokens }
}

type Answer = { status: number; text: string }

async function post(url: string, body: unknown, signal: AbortSignal): Promise<Answer> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body), redirect: 'error', signal })
  return { status: answer.status, text: await answer.text() }
}

function parse<T>(schema: z.ZodType<T>, { status, text: body }: Answer): T {
  if (status !== 200) throw new NoProof(`HTTP ${status}: ${body.slice(0, LONGEST_REASON)}`)
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch (error) {
    throw new NoProof(`its answer is not JSON: ${body.slice(0, LONGEST_REASON)}`, { cause: error })
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new NoProof(`its answer is wrong at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
}

function describe(error: unknown, ms: number): string {
  if (!(error instanceof Error)) return String(error)
  if (error instanceof NoProof) return error.message
  if (error.name === 'TimeoutError') return `no answer within ${ms / 1000} s`
  // fetch hides what happened in its cause.
  const cause = error.cause as NodeJS.ErrnoException | undefined
  return cause?.code ?? cause?.message ?? error.message
}
