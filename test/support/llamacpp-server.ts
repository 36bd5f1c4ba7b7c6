import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

const MAIN = resolve('dist/src/llamacpp-server/main.js')
const READY_MS = 60_000

export type Ended = { code: number | null; stdout: string[]; stderr: string[] }

/** The engine program as users start it: built, in a process of its own. */
export type RunningServer = {
  url: string
  pid: number
  /** Lines of its log so far. */
  log: string[]
  post(path: string, body: object | string, signal?: AbortSignal): Promise<Response>
  /** Value of one sample of /metrics; `labels` as Prometheus prints them. */
  metric(name: string, labels?: string): Promise<number>
  signal(signal: NodeJS.Signals): void
  ended: Promise<Ended>
}

/** Starts it on a free port and waits until it says that it is ready. */
export async function startServer(model: string, ...flags: string[]): Promise<RunningServer> {
  const { child, log, ended } = spawnServer(['--model', model, '--served-model-name', 'smol', '--port', '0', ...flags])
  const url = await new Promise<string>((ready, failed) => {
    const timer = setTimeout(() => failed(new Error(`not ready after ${READY_MS} ms: ${log.join('\n')}`)), READY_MS)
    void ended.then(({ code, stderr }) => failed(new Error(`ended with ${code}: ${stderr.join('\n')}`)))
    const poll = setInterval(() => {
      const found = log.map((line) => / ready on (\S+) /.exec(line)?.[1]).find((candidate) => candidate !== undefined)
      if (found === undefined) return
      clearInterval(poll)
      clearTimeout(timer)
      ready(found)
    }, 20)
    void ended.finally(() => clearInterval(poll))
  })
  return {
    url,
    pid: child.pid as number,
    log,
    post: (path, body, signal) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify({ model: 'smol', ...body }),
        ...(signal && { signal }),
      }),
    metric: async (name, labels = 'model_name="smol"') => {
      const text = await (await fetch(`${url}/metrics`)).text()
      const sample = text.split('\n').find((line) => line.startsWith(`${name}{${labels}} `))
      return sample === undefined ? 0 : Number(sample.split(' ').at(-1))
    },
    signal: (signal) => child.kill(signal),
    ended,
  }
}

/** Runs it until it ends by itself. */
export function runServer(...flags: string[]): Promise<Ended> {
  return spawnServer(flags).ended
}

export function spawnServer(flags: string[]): { child: ChildProcess; log: string[]; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] })
  const log: string[] = []
  const stderr: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => log.push(line))
  createInterface({ input: child.stderr }).on('line', (line) => stderr.push(line))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout: log, stderr }))
  return { child, log, ended }
}

/** The events of one streamed answer, in order; `[DONE]` is null. */
export async function events(response: Response): Promise<unknown[]> {
  return (await response.text())
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''))
    .map((data) => (data === '[DONE]' ? null : (JSON.parse(data) as unknown)))
}
