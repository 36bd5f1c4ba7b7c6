import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export type Reach = {
  /** Body of an answer of 2xx as text; null: none came within 2 s. */
  post(url: string, body: object): Promise<string | null>
  close(): Promise<void>
}

/** Runs on the machine: a question a line, an answer a line. */
const PROGRAM = `
require('node:readline').createInterface(process.stdin).on('line', async (line) => {
  const { id, url, body } = JSON.parse(line)
  let text = null
  try {
    const answer = await fetch(url, {
      method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', connection: 'close' }, signal: AbortSignal.timeout(2000),
    })
    const read = await answer.text()
    if (answer.ok) text = read
  } catch {}
  process.stdout.write(JSON.stringify({ id, text }) + '\\n')
})
`

/** A program on a machine that asks its loopback addresses for us. */
export function startReach(enter: string[], env: NodeJS.ProcessEnv): Reach {
  const words = [...enter, process.execPath, '-e', PROGRAM]
  const child = spawn(words[0] ?? '', words.slice(1), { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const waiting = new Map<number, (text: string | null) => void>()
  let asked = 0
  createInterface(child.stdout).on('line', (line) => {
    const { id, text } = JSON.parse(line) as { id: number; text: string | null }
    waiting.get(id)?.(text)
    waiting.delete(id)
  })
  return {
    post: (url, body) =>
      new Promise((resolve) => {
        const id = (asked += 1)
        waiting.set(id, resolve)
        child.stdin.write(`${JSON.stringify({ id, url, body })}\n`)
      }),
    async close() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
