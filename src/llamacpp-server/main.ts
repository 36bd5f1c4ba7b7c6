#!/usr/bin/env node
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { log, logError, surviveClosedLog } from './log.js'
import { describe, importLlamaCpp, loadModel, type LoadedModel } from './model.js'
import { parseOptions, USAGE, UsageError, type ServerOptions } from './options.js'

/** How long running requests may go on after a stop signal, and then how long what is being computed may still take. */
const GRACE_MS = 5000
const CUT_OFF_MS = 1000

type StopSignal = 'SIGTERM' | 'SIGINT'

async function serve(options: ServerOptions): Promise<void> {
  let stop = (signal: StopSignal): void => {
    log(`${signal}: stopped while loading`)
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal))

  log(`loading ${options.model}`)
  const [loaded, [{ CompletionService }, { createServer }]] = await Promise.all([loadModel(options), importHttp()])
  log(`loaded ${describe(loaded)}`)

  let isStopping = false
  const service = new CompletionService(options.servedName, loaded, options.queue)
  const app = createServer(service, () => isStopping)
  await app.listen({ host: options.host, port: options.port })
  log(`ready on ${urlOf(app.server.address() as AddressInfo)} as ${options.servedName} ${startReport(loaded)}`)

  stop = (signal) => {
    if (isStopping) return
    isStopping = true
    log(`${signal}: stopping, ${service.running} requests running`)
    const ended = Promise.race([service.stop(GRACE_MS), sleep(GRACE_MS + CUT_OFF_MS)])
    const closed = ended.then(() => Promise.race([app.close(), sleep(CUT_OFF_MS)]))
    closed.then(
      () => end(0, 'stopped'),
      (error: unknown) => end(1, String(error)),
    )
  }
}

/** The HTTP side, imported when llama.cpp is: while its binary is tried in a child process we would wait. */
async function importHttp() {
  await importLlamaCpp()
  return Promise.all([import('./completion-service.js'), import('./server.js')])
}

function end(code: 0 | 1, message: string): never {
  if (code === 0) log(message)
  else logError(message)
  return process.exit(code)
}

function startReport({ phases }: LoadedModel): string {
  const rss = Math.round(process.memoryUsage.rss() / 1e6)
  const parts = Object.entries(phases).map(([phase, ms]) => `${phase} ${ms}`)
  return `after ${Math.round(performance.now())} ms (${parts.join(', ')}), RSS ${rss} MB`
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

function readOptions(): ServerOptions {
  try {
    const options = parseOptions(process.argv.slice(2))
    if (options !== 'help') return options
    process.stdout.write(`${USAGE}\n`)
    return process.exit(0)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`llamacpp-server: error: ${error.message}\n`)
    return process.exit(2)
  }
}

surviveClosedLog()
serve(readOptions()).catch((error: unknown) => end(1, error instanceof Error ? error.message : String(error)))
