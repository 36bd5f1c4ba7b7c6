import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import { ApiError, badRequest, stopping } from './api-error.js'
import { generate, type FinishReason, type Tally } from './generate.js'
import { log } from './log.js'
import { createMetrics, type FinishedReason } from './metrics.js'
import { tokenizePrompt, type LoadedModel } from './model.js'
import type { ChatRequest, CompletionRequest, TextRequest } from './request-body.js'
import { SlotPool } from './slot-pool.js'

export type Usage = {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details: { cached_tokens: number }
}
export type Answer = { finishReason: FinishReason; usage: Usage }

/** A request that holds a sequence. It must be run, once: that gives the sequence back. */
export type Turn = { run(onText: (text: string) => void): Promise<Answer> }

type Prompt = { field: 'messages' | 'prompt'; tokens: Token[]; endTokens: ReadonlySet<Token> }

/** Who computes when: checks a request against the model, waits for a sequence, measures, and can be stopped. */
export class CompletionService {
  readonly metrics
  readonly #pool: SlotPool<LlamaContextSequence>
  readonly #running = new Set<AbortController>()
  #drained: () => void = () => {}

  constructor(
    readonly servedName: string,
    private readonly loaded: LoadedModel,
    maxWaiting: number,
  ) {
    this.#pool = new SlotPool(loaded.sequences, maxWaiting)
    this.metrics = createMetrics(servedName, () => ({ running: this.running, waiting: this.#pool.waiting, kvUsage: this.#kvUsage() }))
  }

  /** Longest prompt and answer together, in tokens. */
  get context(): number {
    return this.loaded.context
  }

  get running(): number {
    return this.#pool.busy.size
  }

  /** Waits for a sequence; `control` ends the request. @throws ApiError; the abort's reason when ended while waiting. */
  async admitChat(request: ChatRequest, control: AbortController): Promise<Turn> {
    this.#checkModel(request)
    if (this.loaded.chat === null) throw badRequest('no_chat_template', 'this model has no chat template; use /v1/completions', 'messages')
    return this.#admit(request, { field: 'messages', ...this.loaded.chat(request.messages) }, control)
  }

  /** Waits for a sequence; `control` ends the request. @throws ApiError; the abort's reason when ended while waiting. */
  async admitText(request: TextRequest, control: AbortController): Promise<Turn> {
    this.#checkModel(request)
    const tokens = tokenizePrompt(this.loaded.model, request.prompt)
    return this.#admit(request, { field: 'prompt', tokens, endTokens: new Set() }, control)
  }

  /** Takes nothing new; resolves when all that runs has ended. After `graceMs` the rest is cut off. */
  async stop(graceMs: number): Promise<void> {
    this.#pool.close()
    const timer = setTimeout(() => this.#running.forEach((control) => control.abort(stopping())), graceMs)
    await new Promise<void>((resolve) => {
      this.#drained = resolve
      if (this.running === 0) resolve()
    })
    clearTimeout(timer)
  }

  async #admit(request: CompletionRequest, prompt: Prompt, control: AbortController): Promise<Turn> {
    const arrived = performance.now()
    const maxTokens = this.#maxTokens(request, prompt)
    const sequence = await this.#pool.acquire((free) => longestPrefix(free, prompt.tokens), control.signal)
    this.#running.add(control)
    const queuedMs = performance.now() - arrived
    return {
      run: async (onText) => {
        const tally: Tally = { completionTokens: 0, cachedTokens: 0 }
        let firstMs: number | null = null
        let reason: FinishedReason | 'error' = 'error'
        try {
          const finishReason = await generate(sequence, { ...request, ...prompt, maxTokens }, tally, control.signal, (text) => {
            firstMs ??= performance.now() - arrived
            onText(text)
          })
          reason = finishReason
          return { finishReason, usage: usageOf(prompt, tally) }
        } catch (error) {
          if (control.signal.aborted) reason = 'abort'
          else await sequence.clearHistory() // after a failed step nobody knows what the sequence holds
          throw error
        } finally {
          this.#running.delete(control)
          this.#pool.release(sequence)
          this.#record(reason, prompt, tally, { queuedMs, firstMs, totalMs: performance.now() - arrived })
          if (this.running === 0) this.#drained()
        }
      },
    }
  }

  #checkModel(request: CompletionRequest): void {
    if (request.model === this.servedName) return
    throw new ApiError(
      404,
      'model_not_found',
      `the model ${JSON.stringify(request.model)} is not served here; this is "${this.servedName}"`,
      'model',
    )
  }

  #maxTokens(request: CompletionRequest, { tokens, field }: Prompt): number {
    if (tokens.length === 0) throw badRequest('invalid_value', `${field}: must not be empty`, field)
    const left = this.context - tokens.length
    if (left > 0 && (request.maxTokens ?? 1) <= left) return request.maxTokens ?? left
    const asked = request.maxTokens === undefined ? '' : ` and the answer may have ${request.maxTokens}`
    throw badRequest(
      'context_length_exceeded',
      `the context holds ${this.context} tokens, but the prompt has ${tokens.length}${asked}`,
      field,
    )
  }

  #record(reason: FinishedReason | 'error', { field, tokens }: Prompt, tally: Tally, times: Times): void {
    const { promptTokens, generationTokens, success, latency, timeToFirstToken } = this.metrics
    promptTokens.inc(tokens.length)
    generationTokens.inc(tally.completionTokens)
    if (times.firstMs !== null) timeToFirstToken.observe(times.firstMs / 1000)
    latency.observe(times.totalMs / 1000)
    if (reason !== 'error') success.inc({ finished_reason: reason })
    log(
      `${field === 'messages' ? 'chat' : 'text'} ${reason} prompt=${tokens.length} cached=${tally.cachedTokens} completion=${tally.completionTokens} ` +
        `queue=${milliseconds(times.queuedMs)} first=${milliseconds(times.firstMs)} total=${milliseconds(times.totalMs)}`,
    )
  }

  #kvUsage(): number {
    const filled = [...this.#pool.busy].reduce((sum, sequence) => sum + sequence.nextTokenIndex, 0)
    return filled / (this.context * this.loaded.sequences.length)
  }
}

/** Milliseconds since the request arrived; `firstMs` null: no text came. */
type Times = { queuedMs: number; firstMs: number | null; totalMs: number }

/** The free sequence that holds most of the prompt already; among equals the one that was not used for longest. */
function longestPrefix(free: readonly LlamaContextSequence[], tokens: Token[]): LlamaContextSequence {
  const scored = free.map((sequence) => ({ sequence, score: sequence.compareContextTokens(tokens).firstDifferentIndex }))
  return scored.reduce((best, next) => (next.score > best.score ? next : best)).sequence
}

function usageOf({ tokens }: Prompt, { completionTokens, cachedTokens }: Tally): Usage {
  return {
    prompt_tokens: tokens.length,
    completion_tokens: completionTokens,
    total_tokens: tokens.length + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  }
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : `${Math.round(value)}ms`
}
