import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { endGroup, endingWithUs } from '../../config/child-processes.js'

export type ProgramEnd = { code: number | null; signal: string | null; lastLine: string }

export type RunningProgram = {
  /** Rejects when it cannot be started. */
  ended: Promise<ProgramEnd>
  /** Aborted when it has ended, or was stopped. */
  stopped: AbortSignal
  /** Ends it and all its children, and waits for that. Safe to repeat. */
  stop: () => Promise<void>
}

/** Starts a program without a shell, in a process group of its own. It ends with this process, however that ends. */
export function startProgram(program: string, argv: string[], env: NodeJS.ProcessEnv): RunningProgram {
  const [command, words] = endingWithUs(program, argv, 'SIGKILL')
  const child = spawn(command, words, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const stopped = new AbortController()
  let lastLine = ''
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', (line) => (lastLine = line.trim() || lastLine))
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, lastLine }))
  })
  const settled = ended.then(
    () => stopped.abort(),
    () => stopped.abort(),
  )
  return {
    ended,
    stopped: stopped.signal,
    async stop() {
      if (!stopped.signal.aborted) endGroup(child.pid)
      await settled
    },
  }
}
