import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { endGroup } from '../config/child-processes.js'

export type ToolOptions = {
  env?: NodeJS.ProcessEnv
  timeoutMs: number
  signal?: AbortSignal | undefined
  onLine?: (line: string) => void
}

/**
 * Runs a program to its end, without a shell, in a process group of its own, so that giving up ends its children too.
 * Throws an Error with the last lines that it printed when it fails, does not exist, or takes longer than `timeoutMs`.
 */
export async function runTool(program: string, argv: string[], { env, timeoutMs, signal, onLine }: ToolOptions): Promise<void> {
  signal?.throwIfAborted()
  const child = spawn(program, argv, { env: env ?? process.env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const tail: string[] = []
  const take = (line: string): void => {
    onLine?.(line)
    tail.push(line)
    if (tail.length > 5) tail.shift()
  }
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', take)
  const stop = new AbortController()
  const limit = setTimeout(() => stop.abort(new Error(`${program} took longer than ${timeoutMs / 1000} s`)), timeoutMs)
  const giveUp = (): void => stop.abort(signal?.reason)
  signal?.addEventListener('abort', giveUp, { once: true })
  stop.signal.addEventListener('abort', () => endGroup(child.pid), { once: true })
  try {
    const [code, ending] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'ENOENT' ? new Error(`${program} is not installed`) : error),
      )
      child.once('close', (...end) => resolve(end))
    })
    stop.signal.throwIfAborted()
    if (code !== 0) throw new Error(`${program} ended with ${code ?? ending}: ${tail.join(' | ').slice(-500)}`)
  } finally {
    clearTimeout(limit)
    signal?.removeEventListener('abort', giveUp)
  }
}
