import { DeployRequest } from '../../src/contracts/deploy.js'
import { PassThrough, Writable } from 'node:stream'
import type { AimClient, EndpointStatus, OperationHandle } from '../../src/client/types.js'
import type { Cli, GlobalFlags, Stream, Terminal } from '../../src/cli/cli.js'
import { COMMANDS } from '../../src/cli/commands/index.js'
import { createCli } from '../../src/cli/run.js'
import type { OperationProgress } from '../../src/contracts/deploy.js'
import type { DeployResult, EndpointView } from '../../src/contracts/endpoint.js'
import { AimError } from '../../src/contracts/errors.js'
import type { Candidate } from '../../src/domain/plan.js'
import { aCandidate, aPlan } from '../support/plans.js'

/** A stream that keeps what was written; a terminal when `tty` is given. */
export function capture(tty?: { columns: number; rows?: number }): Stream & { text(): string } {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk))
      done()
    },
  })
  return Object.assign(stream, { text: () => Buffer.concat(chunks).toString('utf8') }, tty && { isTTY: true, ...tty })
}

export type TestCli = { cli: Cli; terminal: Terminal; out(): string; err(): string; interrupt(): void }

/** A command's surroundings with both ends in hand. The client is a stand-in: what Temporal does is shown by the end-to-end tests. */
export function testCli(
  options: {
    client?: Partial<AimClient>
    flags?: Partial<GlobalFlags>
    env?: NodeJS.ProcessEnv
    argv?: string[]
    stdin?: string
    columns?: number
  } = {},
): TestCli {
  const tty = options.columns === undefined ? undefined : { columns: options.columns }
  const [stdout, stderr] = [capture(tty), capture(tty)]
  const stdin = new PassThrough()
  stdin.end(options.stdin ?? '')
  const terminal: Terminal = { argv: options.argv ?? [], env: options.env ?? {}, stdin, stdout, stderr, now: Date.now }
  const flags: GlobalFlags = { color: true, progress: 'auto', time: 'relative', ...options.flags }
  const interrupts = new AbortController()
  const { cli } = createCli(terminal, flags, COMMANDS)
  const client = options.client as AimClient | undefined
  return {
    cli: { ...cli, interrupts: () => interrupts.signal, ...(client && { connect: async () => client }) },
    terminal,
    out: () => stdout.text(),
    err: () => stderr.text(),
    interrupt: () => interrupts.abort(),
  }
}

export function handleOf<Result>(result: Promise<Result>, progress: OperationProgress = { steps: [] }): OperationHandle<Result> {
  return {
    workflowId: 'deploy/smol',
    runId: 'run-1',
    attached: false,
    progress: async () => progress,
    result: () => result,
    cancel: async () => {},
  }
}

export const candidate: Candidate = aCandidate()

export const deployed: DeployResult = {
  endpoint: 'smol',
  outcome: 'deployed',
  revision: 1,
  url: 'http://127.0.0.1:8100',
  served: 'smol',
  model: { repo: 'org/smol', commit: 'a'.repeat(40) },
  recipe: candidate.recipe,
  backend: 'llamacpp',
  node: 'node-1',
  gpus: [],
  gaveUp: null,
  attempts: 1,
  simulated: false,
  cache: 'miss',
  weights: { bytes: 92_400_000, fetchedBytes: 80_000_000, sources: { hub: 20_000_000, peer: 60_000_000 } },
  proof: { text: 'ok', tokens: 4, ms: 120 },
  timings: { pin: 90, warm: 2000, ready: 910 },
  plan: aPlan({ candidates: [candidate], dropped: [] }),
}

export const serving: EndpointView = {
  endpoint: 'smol',
  phase: 'serving',
  reason: null,
  revision: {
    revision: 1,
    model: 'org/smol',
    commit: 'a'.repeat(40),
    recipe: candidate.recipe,
    specFingerprint: 'something else',
    deployedAt: '2026-01-01T00:00:00.000Z',
    deployedBy: 'ada@host',
    request: DeployRequest.parse({ endpoint: 'smol', model: 'org/smol' }),
  },
  replica: {
    key: { namespace: 'default', endpoint: 'smol', replica: 0, fence: 1, launch: 1 },
    nodeId: 'node-1',
    spec: {
      backend: 'llamacpp',
      servedName: 'smol',
      modelPath: '/weights',
      modelFile: 'model.gguf',
      gpus: [],
      parallel: candidate.parallel,
      settings: {},
      args: {},
      env: {},
    },
    url: 'http://127.0.0.1:8100',
    pid: 4242,
    weightBytes: 92_400_000,
  },
  operation: null,
  restarts: 0,
  lastRestart: null,
  presence: 'ready',
  healing: [],
  next: null,
}

export const statusOf = (view: EndpointView | null, problem: string | null = null): EndpointStatus => ({
  endpoint: view?.endpoint ?? 'smol',
  startedAt: '2026-01-01T00:00:00.000Z',
  view,
  problem,
})

export const notFound = async (): Promise<never> => {
  throw new AimError('NotFound', { what: 'endpoint smol' })
}
