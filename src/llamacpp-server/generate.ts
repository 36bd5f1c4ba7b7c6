import { randomInt } from 'node:crypto'
import type { LlamaContextSequence, Token } from 'node-llama-cpp'
import { BATCH_TOKENS } from './model.js'
import { StopStrings } from './stop-strings.js'
import { TextStream } from './text-stream.js'

export type Sampling = { temperature: number; topP: number; topK: number; minP: number; seed: number | undefined }

type GenerationRequest = {
  tokens: Token[]
  endTokens: ReadonlySet<Token>
  maxTokens: number
  stop: readonly string[]
  ignoreEos: boolean
  sampling: Sampling
}

/** Why an answer ended. */
export type FinishReason = 'stop' | 'length'

/** What a generation has computed so far. `completionTokens` counts all sampled tokens, the one that ended the answer included. */
export type Tally = { completionTokens: number; cachedTokens: number }

/**
 * Computes one answer on one sequence; `onText` gets each piece as it becomes certain. What the sequence still holds of an earlier request
 * is kept as far as it is the same, and dropped from there. `tally` grows with the work, so that it is right after a failure too.
 * @throws the signal's reason when aborted, at the latest after the batch or token that is being computed.
 */
export async function generate(
  sequence: LlamaContextSequence,
  request: GenerationRequest,
  tally: Tally,
  signal: AbortSignal,
  onText: (text: string) => void,
): Promise<FinishReason> {
  const { model } = sequence
  const text = new TextStream<Token>((tokens, before) => model.detokenize(tokens, false, before))
  const stops = new StopStrings(request.stop)
  const emit = (piece: string): void => {
    if (piece !== '') onText(piece)
  }
  const finish = (reason: FinishReason): FinishReason => {
    emit(stops.push(text.end()))
    if (stops.stopped) return 'stop'
    emit(stops.end())
    return reason
  }

  tally.cachedTokens = await reusePrefix(sequence, request.tokens)
  const rest = await computePrompt(sequence, request.tokens.slice(tally.cachedTokens), signal)
  for await (const token of sequence.evaluate(rest, samplerOptions(request.sampling))) {
    signal.throwIfAborted()
    tally.completionTokens++
    if (!request.ignoreEos && (model.isEogToken(token) || request.endTokens.has(token))) return finish('stop')
    emit(stops.push(text.push(token)))
    if (stops.stopped) return 'stop'
    if (tally.completionTokens >= request.maxTokens) return finish('length')
  }
  throw new Error('the model stopped sampling')
}

/** Tokens of the prompt that the sequence holds already. At least one is left over: sampling needs its result. */
async function reusePrefix(sequence: LlamaContextSequence, tokens: Token[]): Promise<number> {
  await sequence.adaptStateToTokens(tokens.slice(0, -1), false)
  return sequence.nextTokenIndex
}

/** Computes the prompt in batches, so that an abort need not wait for all of it; returns the last one, which begins the answer. */
async function computePrompt(sequence: LlamaContextSequence, tokens: Token[], signal: AbortSignal): Promise<Token[]> {
  let rest = tokens
  while (rest.length > BATCH_TOKENS) {
    await sequence.evaluateWithoutGeneratingNewTokens(rest.slice(0, BATCH_TOKENS))
    signal.throwIfAborted()
    rest = rest.slice(BATCH_TOKENS)
  }
  return rest
}

function samplerOptions({ temperature, topP, topK, minP, seed }: Sampling) {
  // llama.cpp takes 32 bits; without a seed of its own each request is random
  return { temperature, topP, topK, minP, seed: seed === undefined ? randomInt(2 ** 32) : seed >>> 0, yieldEogToken: true }
}
