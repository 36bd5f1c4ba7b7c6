#!/usr/bin/env node
// Stands in for `vllm serve`, in a few milliseconds and without a GPU: its flags, endpoints, metrics and log marks, and its ways to fail, on
// demand of a test. All that it makes up says "simulated". `index.ts` says how a test tells it what to do.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { readArguments, Refused } from './arguments.mjs'
import { behaviourOf } from './behaviour.mjs'
import { heldShare, hold, letGo, memoryFolder } from './memory.mjs'
import { createEngineServer } from './server.mjs'

const FAILURES = JSON.parse(readFileSync(new URL('failures.json', import.meta.url), 'utf8'))
const ORPHAN = fileURLToPath(new URL('orphan.mjs', import.meta.url))
/** Milliseconds between two lines of a start that goes on. */
const LOG_MS = 100

const { control, node, model, flags } = readCommand()
const gpus = (process.env.HIP_VISIBLE_DEVICES ?? '')
  .split(',')
  .filter((index) => index !== '')
  .map(Number)
const context = flags['max-model-len'] === undefined ? null : Number(flags['max-model-len'])
const served = flags['served-model-name'] ?? model
const share = Number(flags['gpu-memory-utilization'])
const memory = memoryFolder(process.env)
const behaviour = behaviourOf(control, { served, model, node, gpus: gpus.length, context, engine: 'vllm' })

log(`vLLM API server version simulated, devices ${gpus.join(',') || 'none'}`)
process.on('SIGTERM', () => {
  if (behaviour.ignoreTerm === true) return log('simulated: SIGTERM is ignored')
  letGo(memory)
  process.exit(0)
})
await start()

async function start() {
  if (!existsSync(model)) fail([`OSError: ${model} does not appear to have a file named config.json.`])
  refuseTakenMemory()
  hold(memory, gpus, share)
  if (behaviour.orphan === true) await leaveOrphan()
  await load(behaviour.startMs ?? 0)
  if (behaviour.failAs !== undefined) await failAs(FAILURES[behaviour.failAs])
  if (behaviour.fail !== undefined) await failAs(behaviour.fail)
  if (behaviour.hangAtStart === true) await delay(2 ** 31 - 1)
  const { needsGpus = 0, maxContext = Infinity } = behaviour
  if (gpus.length < needsGpus) await failAs(FAILURES.oom_weights)
  if ((context ?? 0) > maxContext) fail([tooLong(context, maxContext)])
  serve()
}

function serve() {
  const server = createEngineServer({ served, root: model, context, behaviour, die })
  server.on('error', ({ code }) => fail([`OSError: [Errno 98] Address already in use: ('${flags.host}', ${flags.port}) (${code})`]))
  server.listen(Number(flags.port), flags.host, () => {
    log(`Application startup complete on http://${flags.host}:${flags.port} (simulated)`)
    if (behaviour.dieAfterMs !== undefined) setTimeout(() => void die(), behaviour.dieAfterMs)
  })
}

/** What vLLM says when it does not find the memory that it is to take. */
function refuseTakenMemory() {
  for (const [place, gpu] of gpus.entries()) {
    const free = 1 - heldShare(memory, gpu)
    if (free + 0.005 >= share) continue
    const sizes = `(${(free * 192).toFixed(1)}/192.0 GiB)`
    fail([`ValueError: Free memory on device cuda:${place} ${sizes} on startup is less than desired GPU memory utilization (${share}).`])
  }
}

async function load(ms) {
  const until = Date.now() + ms
  for (let shard = 1; Date.now() < until; shard++) {
    log(`Loading safetensors checkpoint shards: ${shard} (simulated)`)
    await delay(Math.min(LOG_MS, until - Date.now()))
  }
}

/** A process of its own session that holds the memory on, with our marker in its environment, when we are gone. */
async function leaveOrphan() {
  const child = spawn(process.execPath, [ORPHAN], { detached: true, stdio: 'ignore' })
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject))
  hold(memory, gpus, share, child.pid, 'VLLM::EngineCore')
  letGo(memory)
  child.unref()
}

/** Its way to end once it has served. */
function die() {
  return behaviour.dieAs === undefined ? endWith({ signal: 'SIGKILL' }) : failAs(FAILURES[behaviour.dieAs])
}

async function failAs({ lines = [], code, signal, hang }) {
  for (const line of lines) process.stderr.write(`${line}\n`)
  if (hang === true) await delay(2 ** 31 - 1)
  return endWith({ code, signal })
}

/** A signal that kills, or an exit code. */
async function endWith({ code, signal }) {
  if (signal === undefined) process.exit(code ?? 1)
  process.removeAllListeners('SIGTERM')
  process.kill(process.pid, signal)
  await delay(1_000)
}

function fail(lines) {
  process.stderr.write(`Traceback (most recent call last):\n${lines.join('\n')}\n`)
  process.exit(1)
}

function tooLong(wanted, most) {
  return (
    `ValueError: To serve at least one request with the model's max seq len (${wanted}), (40.0 GiB KV cache is needed, which is larger ` +
    `than the available KV cache memory (12.5 GiB). Based on the available memory, the estimated maximum model length is ${most}.`
  )
}

function readCommand() {
  try {
    return readArguments(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    process.stderr.write(`usage: vllm serve [model_tag] [options] (simulated)\nvllm serve: error: ${error.message}\n`)
    return process.exit(2)
  }
}

function log(line) {
  process.stdout.write(`INFO ${new Date().toISOString()} ${line}\n`)
}
