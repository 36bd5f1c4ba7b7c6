import { z } from 'zod'
import { badRequest, type ApiError } from './api-error.js'
import type { ChatMessage } from './chat-template.js'
import type { Sampling } from './generate.js'

const Stop = z.string().min(1, 'must not be empty').max(1000)

const Common = z.object({
  model: z.string().min(1),
  max_tokens: z.int().min(1).optional(),
  temperature: z.number().min(0).max(2).default(1),
  top_p: z.number().gt(0).max(1).default(1),
  top_k: z.int().min(-1).default(0),
  min_p: z.number().min(0).max(1).default(0),
  seed: z.int().optional(),
  stop: z.union([Stop.transform((stop) => [stop]), z.array(Stop).max(16)]).default([]),
  ignore_eos: z.boolean().default(false),
  stream: z.boolean().default(false),
  stream_options: z.strictObject({ include_usage: z.boolean().default(false) }).optional(),
})

const TextPart = z.strictObject({ type: z.literal('text', 'only parts of type "text" are supported'), text: z.string() })
const Content = z.union([z.string(), z.array(TextPart).min(1)], 'must be a string or a list of text parts')
const Message = z.object({ role: z.enum(['system', 'developer', 'user', 'assistant']), content: Content })

const ChatBody = Common.extend({
  messages: z.array(Message).min(1, 'must hold a message'),
  max_completion_tokens: z.int().min(1).optional(),
})
const TextBody = Common.extend({ prompt: z.string('must be one string') })

/**
 * Fields of the OpenAI API that we take only where they change nothing: what a client sends by default passes, what it would miss is refused.
 */
const NEUTRAL: Record<string, (value: unknown) => boolean> = {
  n: is(1),
  best_of: is(1),
  echo: is(false),
  suffix: is(''),
  logprobs: is(false),
  top_logprobs: is(0),
  frequency_penalty: is(0),
  presence_penalty: is(0),
  repetition_penalty: is(1),
  logit_bias: isEmpty,
  tools: isEmpty,
  functions: isEmpty,
  tool_choice: is('none', 'auto'),
  function_call: is('none', 'auto'),
  parallel_tool_calls: () => true,
  response_format: (value) => typeof value === 'object' && value !== null && 'type' in value && value.type === 'text',
  modalities: (value) => JSON.stringify(value) === '["text"]',
  store: is(false),
  user: () => true,
  metadata: () => true,
  service_tier: () => true,
  safety_identifier: () => true,
  prompt_cache_key: () => true,
}

/** Fields that a client copies from an answer into the next request's messages. */
const NEUTRAL_IN_MESSAGE: Record<string, (value: unknown) => boolean> = {
  name: () => true,
  annotations: isEmpty,
  tool_calls: isEmpty,
}

/** What one completion asks for, whichever route it came by. */
export type CompletionRequest = {
  model: string
  maxTokens: number | undefined
  stop: string[]
  ignoreEos: boolean
  sampling: Sampling
  stream: boolean
  includeUsage: boolean
}
export type ChatRequest = CompletionRequest & { messages: ChatMessage[] }
export type TextRequest = CompletionRequest & { prompt: string }

/** @throws ApiError 400 naming the field and its rule. */
export function parseChat(body: unknown): ChatRequest {
  const known = keepKnown(body, ChatBody, NEUTRAL)
  if (Array.isArray(known.messages)) {
    known.messages = known.messages.map((message: unknown, index) => keepKnown(message, Message, NEUTRAL_IN_MESSAGE, `messages.${index}`))
  }
  const parsed = check(ChatBody, known)
  const messages = parsed.messages.map(
    ({ role, content }) => ({ role: role === 'developer' ? 'system' : role, content: join(content) }) as const,
  )
  return { ...toRequest(parsed), maxTokens: parsed.max_completion_tokens ?? parsed.max_tokens, messages }
}

/** @throws ApiError 400 naming the field and its rule. */
export function parseText(body: unknown): TextRequest {
  const parsed = check(TextBody, keepKnown(body, TextBody, NEUTRAL))
  return { ...toRequest(parsed), maxTokens: parsed.max_tokens ?? DEFAULT_TEXT_TOKENS, prompt: parsed.prompt }
}

/** Length of a text completion that names none, in tokens: OpenAI's default. */
const DEFAULT_TEXT_TOKENS = 16

function toRequest(parsed: z.infer<typeof Common>): Omit<CompletionRequest, 'maxTokens'> {
  return {
    model: parsed.model,
    stop: parsed.stop,
    ignoreEos: parsed.ignore_eos,
    sampling: { temperature: parsed.temperature, topP: parsed.top_p, topK: parsed.top_k, minP: parsed.min_p, seed: parsed.seed },
    stream: parsed.stream,
    includeUsage: parsed.stream_options?.include_usage ?? false,
  }
}

function keepKnown(
  value: unknown,
  shape: z.ZodObject,
  neutral: Record<string, (value: unknown) => boolean>,
  path = '',
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('invalid_value', `${path || 'the body'}: must be an object`, path || null)
  const given = Object.entries(value).filter(([, field]) => field !== null) // in this API null means absent
  return Object.fromEntries(
    given.filter(([key, field]) => Object.hasOwn(shape.shape, key) || refuseUnlessNeutral(neutral, key, field, path)),
  )
}

function refuseUnlessNeutral(neutral: Record<string, (value: unknown) => boolean>, key: string, value: unknown, path: string): false {
  const param = path === '' ? key : `${path}.${key}`
  const isNeutral = Object.hasOwn(neutral, key) ? neutral[key] : undefined
  if (!isNeutral) throw badRequest('unknown_parameter', `${param}: is not a field of this API`, param)
  if (!isNeutral(value)) throw badRequest('unsupported_parameter', `${param}: is not supported by this server with this value`, param)
  return false
}

function check<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw fieldError(result.error)
}

function fieldError(error: z.ZodError): ApiError {
  const issue = error.issues[0]
  const param = issue?.path.join('.') ?? ''
  return badRequest('invalid_value', `${param}: ${issue?.message ?? 'is not valid'}`, param || null)
}

function join(content: z.infer<typeof Content>): string {
  return typeof content === 'string' ? content : content.map((part) => part.text).join('')
}

function is(...values: unknown[]): (value: unknown) => boolean {
  return (value) => values.includes(value)
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
