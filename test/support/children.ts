import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const LOADER = fileURLToPath(new URL('./typescript-loader.mjs', import.meta.url))

export type Child = {
  pid: number
  /** JSON lines that it printed, as they come. */
  lines: unknown[]
  /** Waits for the next line that it prints, or one that it has printed since the last call. */
  nextLine(): Promise<unknown>
  kill(signal: NodeJS.Signals): Promise<void>
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>
}

/** Starts a TypeScript file as a process of its own, without a build. `env` is added to this process's. */
export function startChild(file: URL, args: string[] = [], env: Record<string, string> = {}): Child {
  const script = fileURLToPath(file)
  const child: ChildProcess = spawn(process.execPath, ['--import', LOADER, script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  if (child.pid === undefined || child.stdout === null) throw new Error(`${script} did not start`)
  const lines: unknown[] = []
  let read = 0
  const reader = createInterface(child.stdout)
  reader.on('line', (line) => void lines.push(JSON.parse(line)))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
  return {
    pid: child.pid,
    lines,
    async nextLine() {
      while (lines.length <= read) {
        const end = await Promise.race([once(reader, 'line').then(() => null), ended])
        if (end !== null && lines.length <= read) throw new Error(`${script} ended with ${end}`)
      }
      return lines[read++]
    },
    async kill(signal) {
      child.kill(signal)
      await ended
    },
    ended,
  }
}
