import { randomUUID } from 'node:crypto'
import type { Answer, Usage } from './completion-service.js'
import type { FinishReason } from './generate.js'

/** The bodies of one completion, whole or in pieces. */
export type AnswerShapes = {
  whole(text: string, answer: Answer): object
  /** Sent before the first text; null when the API has no such piece. */
  opening(): object | null
  piece(text: string): object
  closing(reason: FinishReason): object
  usage(usage: Usage): object
}

/** Shapes of /v1/chat/completions. With `includeUsage` every piece says `usage: null` until the last one. */
export function chatShapes(model: string, includeUsage: boolean): AnswerShapes {
  const head = { id: `chatcmpl-${randomUUID()}`, created: now(), model }
  const chunk = (choices: object[]): object => ({ ...head, object: 'chat.completion.chunk', choices, ...(includeUsage && { usage: null }) })
  const choice = (delta: object, reason: FinishReason | null): object => ({ index: 0, delta, logprobs: null, finish_reason: reason })
  return {
    whole: (content, { finishReason, usage }) => {
      const message = { role: 'assistant', content, refusal: null }
      return { ...head, object: 'chat.completion', choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }], usage }
    },
    opening: () => chunk([choice({ role: 'assistant', content: '' }, null)]),
    piece: (content) => chunk([choice({ content }, null)]),
    closing: (reason) => chunk([choice({}, reason)]),
    usage: (usage) => ({ ...chunk([]), usage }),
  }
}

/** Shapes of /v1/completions. */
export function textShapes(model: string, includeUsage: boolean): AnswerShapes {
  const head = { id: `cmpl-${randomUUID()}`, object: 'text_completion', created: now(), model }
  const choice = (text: string, reason: FinishReason | null): object => ({ index: 0, text, logprobs: null, finish_reason: reason })
  const chunk = (choices: object[]): object => ({ ...head, choices, ...(includeUsage && { usage: null }) })
  return {
    whole: (text, { finishReason, usage }) => ({ ...head, choices: [choice(text, finishReason)], usage }),
    opening: () => null,
    piece: (text) => chunk([choice(text, null)]),
    closing: (reason) => chunk([choice('', reason)]),
    usage: (usage) => ({ ...chunk([]), usage }),
  }
}

function now(): number {
  return Math.floor(Date.now() / 1000)
}
