import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { underLock } from './tool-lock.js'

const run = promisify(execFile)
const VERSION = '2.4.0'
const VENV = join(process.env['AIM_CACHE_DIR'] ?? join(homedir(), '.cache', 'aim-engine'), 'hf-venv')

/** The `hf` program of that environment, once `findPythonHub` found it. */
export const hfProgram = (): string => join(VENV, 'bin', 'hf')

export type PythonHub = {
  /** Runs Python code with huggingface_hub, and returns what it printed. */
  python(code: string, env: Record<string, string>): Promise<string>
  /** Runs the `hf` command. */
  hf(args: string[], env: Record<string, string>): Promise<string>
}

/** Python's own client of the hub in a cached environment; null where Python or the package cannot be had. */
export async function findPythonHub(): Promise<PythonHub | null> {
  const bin = (name: string): string => join(VENV, 'bin', name)
  const start = async (program: string, args: string[], env: Record<string, string>): Promise<string> => {
    const quiet = { HF_HUB_DISABLE_TELEMETRY: '1', HF_HUB_DISABLE_PROGRESS_BARS: '1', HF_HUB_DISABLE_UPDATE_CHECK: '1', NO_COLOR: '1' }
    return (await run(bin(program), args, { env: { PATH: process.env['PATH'], ...quiet, ...env }, timeout: 60_000 })).stdout
  }
  const works = async (): Promise<boolean> => {
    const version = await start('python', ['-c', 'import huggingface_hub; print(huggingface_hub.__version__)'], {}).catch(() => '') // absent or broken
    return version.trim() === VERSION
  }
  const install = async (): Promise<boolean> => {
    if (await works()) return true // whoever held the lock installed it
    try {
      if (existsSync(VENV)) await rm(VENV, { recursive: true })
      await run('python3', ['-m', 'venv', VENV], { timeout: 60_000 })
      await run(bin('pip'), ['install', '--quiet', '--disable-pip-version-check', `huggingface_hub==${VERSION}`], { timeout: 180_000 })
    } catch {
      return false // the tests that need it are shown as skipped
    }
    return works()
  }
  if (!(await works()) && !(await underLock(`${VENV}.lock`, install))) return null
  return { python: (code, env) => start('python', ['-c', code], env), hf: (args, env) => start('hf', args, env) }
}
