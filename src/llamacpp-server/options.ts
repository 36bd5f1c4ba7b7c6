import { parseArgs } from 'node:util'

/** What the server is started with. `context` (tokens, per request) and `threads` depend on model and machine when absent: see model.ts. */
export type ServerOptions = {
  model: string
  servedName: string
  host: string
  port: number
  context?: number
  threads?: number
  parallel: number
  queue: number
}

export const USAGE = `Usage: llamacpp-server --model FILE --served-model-name NAME [options]

  --model FILE              weights, a GGUF file
  --served-model-name NAME  name that clients send as "model"
  --host ADDRESS            address to listen on (127.0.0.1)
  --port N                  port to listen on; 0 takes a free one (8080)
  --context N               longest prompt and answer together, in tokens (4096, or what the model was trained for if that is less)
  --threads N               threads that compute (all cores but one)
  --parallel N              requests computed at the same time; each holds a context of its own (2)
  --queue N                 requests that may wait for their turn (64)
  --help                    print this`

/** A command line that cannot be served: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Reads the flags. @throws UsageError naming the flag and its rule. */
export function parseOptions(argv: string[]): ServerOptions | 'help' {
  const flags = readFlags(argv)
  if (flags.help === true) return 'help'
  return {
    model: required('model', flags.model),
    servedName: required('served-model-name', flags['served-model-name']),
    host: flags.host ?? '127.0.0.1',
    port: integer('port', flags.port, 0, 65_535) ?? 8080,
    ...optional('context', integer('context', flags.context, 1, 10_000_000)),
    ...optional('threads', integer('threads', flags.threads, 1, 1024)),
    parallel: integer('parallel', flags.parallel, 1, 256) ?? 2,
    queue: integer('queue', flags.queue, 0, 100_000) ?? 64,
  }
}

function readFlags(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        model: { type: 'string' },
        'served-model-name': { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string' },
        context: { type: 'string' },
        threads: { type: 'string' },
        parallel: { type: 'string' },
        queue: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function required(flag: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`--${flag} is required`)
  return value
}

function integer(flag: string, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= min && number <= max)) throw new UsageError(`--${flag} must be a whole number from ${min} to ${max}, not "${value}"`)
  return number
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>)
}
