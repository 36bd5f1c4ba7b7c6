#!/usr/bin/env node
// Stands in for `sglang serve` where there is no GPU, which SGLang 0.5.23 cannot start without: the same flags, endpoints, log marks and
// ends, and no model. All that it makes up says "simulated".
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** Python with SGLang's own argument parser (see sglang/install.mjs). Without it the flags are checked by the catalogue made from that parser. */
const PYTHON = process.env.SGLANG_STAND_IN_PYTHON
const WARM_UP_MS = 1_000
/** SGLang looks once a second whether its token has come. */
const HEALTH_MS = 1_000
const ANSWER = 'This answer is simulated.'
const PARSE = `
import argparse, json, sys
from sglang.srt.server_args import ServerArgs
parser = argparse.ArgumentParser(prog="sglang serve")
ServerArgs.add_cli_args(parser)
print(json.dumps(vars(parser.parse_args(sys.argv[1:])), default=str))
`

const [verb, ...flags] = process.argv.slice(2)
if (verb !== 'serve') refuse(`argument subcommand: invalid choice: '${verb}'`)
const args = PYTHON === undefined ? parseByCatalogue(flags) : parseByItself(flags)
log(`server_args of a simulated SGLang, checked by ${PYTHON === undefined ? 'the flag catalogue' : "SGLang's own parser"}`)
log(`simulated devices: ${process.env.HIP_VISIBLE_DEVICES ?? 'none'}`)
if (!existsSync(`${args.model_path}/config.json`)) fail(`OSError: ${args.model_path} does not appear to have a file named config.json.`)

// One scheduler for each rank, as SGLang has them: who stops the engine must stop these too.
const schedulers = Array.from({ length: Number(args.tp_size ?? 1) }, (_, rank) =>
  spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)', `sglang::scheduler_TP${rank}`], { stdio: 'ignore' }),
)
const served = args.served_model_name ?? args.model_path
const counts = { requests: 0, prompt: 0, generation: 0 }
let status = 'starting'

const server = createServer((request, response) => {
  answer(request, response).catch((/** @type {unknown} */ error) => send(response, 500, { object: 'error', message: String(error) }))
})
server.on('error', ({ message }) => fail(`ERROR:    [Errno 98] error while attempting to bind on address: ${message}`))
server.listen(Number(args.port), args.host, () => {
  log(`Uvicorn running on http://${args.host}:${args.port} (simulated)`)
  setTimeout(() => {
    status = 'up'
    log('The server is fired up and ready to roll!')
  }, WARM_UP_MS)
})
process.on('SIGTERM', () => {
  status = 'ending'
  log('simulated SIGTERM received: draining requests and shutting down')
  for (const scheduler of schedulers) scheduler.kill('SIGKILL')
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost')
  if (request.method === 'POST') {
    const reply = { '/v1/chat/completions': chat, '/v1/completions': completion }[pathname]
    return reply === undefined ? send(response, 404, { detail: 'Not Found' }) : send(response, 200, reply(await bodyOf(request)))
  }
  if (pathname === '/ready') return send(response, status === 'up' ? 200 : 503)
  if (pathname === '/health' || pathname === '/health_generate') return health(response)
  if (pathname === '/metrics' && args.enable_metrics === true) return send(response, 200, metrics())
  const facts = { '/model_info': modelInfo, '/server_info': serverInfo, '/v1/models': models }[pathname]
  return facts === undefined ? send(response, 404, { detail: 'Not Found' }) : send(response, 200, facts())
}

async function health(response) {
  if (status !== 'up') return send(response, 503)
  await delay(HEALTH_MS)
  return send(response, 200)
}

function modelInfo() {
  return { model_path: args.model_path, served_model_name: served, is_generation: true, simulated: true }
}

function serverInfo() {
  return { ...args, version: 'simulated', status }
}

function models() {
  const created = Math.floor(Date.now() / 1_000)
  const max = args.context_length === undefined || args.context_length === null ? null : Number(args.context_length)
  return {
    object: 'list',
    data: [{ id: served, object: 'model', created, owned_by: 'sglang', root: served, parent: null, max_model_len: max }],
  }
}

function chat({ model, messages }) {
  const usage = use(messages.map(({ content }) => content).join(' '))
  const message = { role: 'assistant', content: ANSWER, reasoning_content: null, tool_calls: null }
  return { id: 'simulated', object: 'chat.completion', model, choices: [{ index: 0, message, finish_reason: 'stop' }], usage }
}

function completion({ model, prompt }) {
  const usage = use(prompt)
  return { id: 'simulated', object: 'text_completion', model, choices: [{ index: 0, text: ANSWER, finish_reason: 'stop' }], usage }
}

/** Words for tokens. */
function use(prompt) {
  const [prompt_tokens, completion_tokens] = [prompt, ANSWER].map((text) => text.split(' ').length)
  counts.requests += 1
  counts.prompt += prompt_tokens
  counts.generation += completion_tokens
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

function metrics() {
  const values = {
    'sglang:num_running_reqs': 0,
    'sglang:num_queue_reqs': 0,
    'sglang:token_usage': 0,
    'sglang:prompt_tokens_total': counts.prompt,
    'sglang:generation_tokens_total': counts.generation,
    'sglang:num_requests_total': counts.requests,
  }
  return Object.entries(values)
    .map(([name, value]) => `${name}{model_name="${served}",simulated="true"} ${value}\n`)
    .join('')
}

async function bodyOf(request) {
  return JSON.parse(Buffer.concat(await request.toArray()).toString('utf8'))
}

function send(response, code, body = '') {
  const json = typeof body === 'object'
  response.writeHead(code, { 'content-type': json ? 'application/json' : 'text/plain' }).end(json ? JSON.stringify(body) : body)
}

/** What argparse says of it, or the values by their names in Python. */
function parseByItself(words) {
  const { status: code, stdout, stderr } = spawnSync(PYTHON, ['-c', PARSE, ...words], { encoding: 'utf8' })
  if (code !== 0) {
    process.stderr.write(stderr)
    process.exit(code ?? 1)
  }
  return JSON.parse(stdout.trimEnd().split('\n').at(-1))
}

/** A part of argparse: full names, and the number, type and choice of values. */
function parseByCatalogue(words) {
  const { flags: known } = JSON.parse(readFileSync(new URL('../../recipes/engines/sglang-0.5.23.json', import.meta.url), 'utf8'))
  const byName = new Map(known.flatMap((flag) => [flag.name, ...(flag.aliases ?? [])].map((name) => [`--${name}`, flag])))
  const found = { host: '127.0.0.1', port: 30_000 }
  const rest = [...words]
  while (rest.length > 0) {
    const [name, joined] = rest.shift().split(/=(.*)/s)
    const flag = byName.get(name) ?? refuse(`unrecognized arguments: ${name}`)
    const next = rest.findIndex((word) => word.startsWith('--'))
    const most = flag.kind !== 'value' ? 0 : /[+*]/.test(flag.nargs ?? '') ? rest.length : 1
    const values = joined === undefined ? rest.splice(0, Math.min(next === -1 ? rest.length : next, most)) : [joined]
    found[flag.name.replaceAll('-', '_')] = valueOf(flag, name, values)
  }
  return found.model_path === undefined ? refuse('the following arguments are required: --model-path/--model') : found
}

function valueOf({ kind, type, choices, nargs }, name, values) {
  if (kind !== 'value') return values.length === 0 || refuse(`argument ${name}: ignored explicit argument '${values[0]}'`)
  if (values.length === 0 && !/[*?]/.test(nargs ?? '')) refuse(`argument ${name}: expected one argument`)
  for (const value of values) {
    if (type === 'int' && !/^-?\d+$/.test(value)) refuse(`argument ${name}: invalid int value: '${value}'`)
    if (type === 'float' && !Number.isFinite(Number(value))) refuse(`argument ${name}: invalid float value: '${value}'`)
    if (choices !== undefined && !choices.includes(value)) refuse(`argument ${name}: invalid choice: '${value}'`)
  }
  return nargs === undefined ? values[0] : values
}

function refuse(reason) {
  process.stderr.write(`usage: sglang serve [-h] --model-path MODEL_PATH (simulated)\nsglang serve: error: ${reason}\n`)
  process.exit(2)
}

function fail(line) {
  process.stderr.write(`Traceback (most recent call last):\n${line}\n`)
  process.exit(1)
}

function log(line) {
  process.stdout.write(`[${new Date().toISOString().slice(0, 19).replace('T', ' ')}] ${line}\n`)
}
