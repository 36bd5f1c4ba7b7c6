import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp'
import { createChatTemplate, type ChatTemplate } from './chat-template.js'
import { computeThreads } from './cpus.js'
import { log, oneLine } from './log.js'
import type { ServerOptions } from './options.js'

/** Longest context when none was asked for, in tokens: enough for a conversation, small enough for any machine. */
const DEFAULT_CONTEXT = 4096
/** Prompt tokens computed in one step: the step after which an aborted request lets go. */
export const BATCH_TOKENS = 512
/** llama.cpp's log lines come over a queue of their own, a little after the failure they explain. */
const LATE_LOG_MS = 30

type LlamaCpp = typeof import('node-llama-cpp')
type LoadOptions = Pick<ServerOptions, 'model' | 'context' | 'threads' | 'parallel'>

/** A model in memory, with one sequence for each request that can run at the same time. */
export type LoadedModel = {
  file: string
  fileBytes: number
  model: LlamaModel
  sequences: LlamaContextSequence[]
  /** Null when the file carries no usable chat template. */
  chat: ChatTemplate | null
  /** Longest prompt and answer together, in tokens. */
  context: number
  threads: number
  /** What loading took, in milliseconds. */
  phases: Record<'import' | 'binary' | 'weights' | 'context', number>
}

/** The model cannot be served. The message is the one line to end with. */
class LoadError extends Error {
  override readonly name = 'LoadError'
}

/** Loads the weights on the CPU. Never builds or downloads a binary. @throws LoadError with the cause that llama.cpp gives. */
export async function loadModel(options: LoadOptions): Promise<LoadedModel> {
  const file = resolve(options.model)
  const fileBytes = await sizeOf(file)
  const lap = stopwatch()
  const llamacpp = await importLlamaCpp()
  const imported = lap()
  const native = nativeLog()
  try {
    const llama = await getCpuBinary(llamacpp, native.logger)
    const binary = lap()
    const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 })
    const weights = lap()
    const threads = options.threads ?? computeThreads(llama.cpuMathCores)
    const context = contextFor(options.context, model.trainContextSize)
    const sequences = sequencesOf(await createContext(model, { context, threads, parallel: options.parallel }))
    const chat = createChatTemplate(llamacpp, model)
    native.loaded()
    return { file, fileBytes, model, sequences, chat, context, threads, phases: { import: imported, binary, weights, context: lap() } }
  } catch (error) {
    if (error instanceof LoadError) throw error
    await sleep(LATE_LOG_MS)
    throw new LoadError(`cannot load ${file}: ${[oneLine((error as Error).message), ...native.errors].join('; ')}`, { cause: error })
  }
}

/** Tokens of a raw prompt, with the model's begin token where it wants one; special tokens in the text count as such. */
export function tokenizePrompt(model: LlamaModel, prompt: string): Token[] {
  const tokens = model.tokenize(prompt, true)
  const { bos, shouldPrependBosToken } = model.tokens
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens
}

/** What was loaded, for the log. */
export function describe({ file, fileBytes, threads, sequences, context }: LoadedModel): string {
  return `${basename(file)} (${Math.round(fileBytes / 1e6)} MB), ${threads} threads, ${sequences.length} sequences of ${context} tokens`
}

/** The bindings, whose import takes a while. @throws LoadError when this platform has none. */
export async function importLlamaCpp(): Promise<LlamaCpp> {
  try {
    return await import('node-llama-cpp')
  } catch (error) {
    throw new LoadError(`node-llama-cpp is not installed for this platform: ${oneLine((error as Error).message)}`, { cause: error })
  }
}

function getCpuBinary({ getLlama, LlamaLogLevel }: LlamaCpp, logger: (level: unknown, message: string) => void) {
  // no limit on threads: the context gets the number that we chose
  return getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    maxThreads: 0,
    logLevel: LlamaLogLevel.error,
    logger,
  })
}

/** A context that cannot be had whole is refused: a shorter one than promised would fail requests later. */
function createContext(model: LlamaModel, { context, threads, parallel }: { context: number; threads: number; parallel: number }) {
  return model.createContext({ contextSize: context, sequences: parallel, threads, batchSize: BATCH_TOKENS, failedCreationRemedy: false })
}

function sequencesOf(context: LlamaContext): LlamaContextSequence[] {
  return Array.from({ length: context.totalSequences }, () => context.getSequence())
}

function contextFor(asked: number | undefined, trained: number): number {
  if (asked !== undefined && asked > trained) {
    throw new LoadError(`--context ${asked} is longer than the ${trained} tokens this model was trained for`)
  }
  return asked ?? Math.min(DEFAULT_CONTEXT, trained)
}

/** llama.cpp's errors: the cause of a failed load while loading, lines of our log afterwards. */
function nativeLog() {
  const errors: string[] = []
  let isLoading = true
  return {
    errors,
    logger: (_level: unknown, message: string): void => {
      if (isLoading) errors.push(oneLine(message))
      else log(`llama.cpp: ${message}`)
    },
    loaded: (): void => {
      isLoading = false
      for (const message of errors) log(`llama.cpp: ${message}`)
    },
  }
}

async function sizeOf(file: string): Promise<number> {
  const stats = await stat(file).catch((error: unknown) => {
    const { code, message } = error as NodeJS.ErrnoException
    throw new LoadError(`cannot load ${file}: ${code === 'ENOENT' ? 'no such file' : message}`, { cause: error })
  })
  if (!stats.isFile()) throw new LoadError(`cannot load ${file}: it is not a file`)
  return stats.size
}

function stopwatch(): () => number {
  let last = performance.now()
  return () => {
    const elapsed = performance.now() - last
    last += elapsed
    return Math.round(elapsed)
  }
}
