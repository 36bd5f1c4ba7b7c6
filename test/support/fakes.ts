import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { withTimeLimit } from '../../src/adapters/time-limit.js'
import { AimError } from '../../src/contracts/errors.js'
import type { Run } from '../../src/contracts/messages.js'
import type { PinnedModel, Weights } from '../../src/contracts/model.js'
import { engineKeyName, type EngineKey, type EngineSpec, type EngineState } from '../../src/domain/engine.js'
import type { Measurement } from '../../src/domain/measurement.js'
import type { Recipe } from '../../src/domain/recipe.js'
import { isOver } from '../../src/domain/strays.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import type { EngineLauncher } from '../../src/ports/engine-launcher.js'
import type { FenceStore } from '../../src/ports/fence-store.js'
import type { Hub } from '../../src/ports/hub.js'
import type { NodeProbe } from '../../src/ports/node-probe.js'
import type { PlanPolicy } from '../../src/ports/plan-policy.js'
import type { Recipes } from '../../src/ports/recipes.js'
import type { DeploymentHistory, Records } from '../../src/ports/records.js'
import type { WeightStore } from '../../src/ports/weight-store.js'

/** In-memory stand-ins for ports, so that a test of a flow can fail any step. Temporal itself is never faked. */
type Engine = { key: EngineKey; spec: EngineSpec; state: EngineState }

/** A machine whose engines are entries of a map; a test ends them by hand. */
export class FakeMachine implements EngineLauncher, EngineClient {
  readonly engines = new Map<string, Engine>()
  readonly started: string[] = []
  /** What the next launches do; the default is to run and to answer. */
  startsAs: 'answers' | 'exits' | 'silent' = 'answers'
  /** The last words of an engine that ends at once; null: it does as `startsAs` says. */
  dies: (spec: EngineSpec, key: EngineKey) => string | null = () => null
  /** Engines that end at once, whatever the others do. */
  refuses: ((spec: EngineSpec) => boolean) | null = null
  /** Addresses that take a connection and answer nothing any more. */
  readonly hangs = new Set<string>()
  /** Others have requests running. */
  busy = false
  /** What happens when a flow looks at the machine. */
  looking: (() => void) | null = null

  constructor(private nextPort = 9_000) {}

  async launch(key: EngineKey, spec: EngineSpec) {
    const name = engineKeyName(key)
    const known = this.engines.get(name)
    if (known === undefined) {
      const port = spec.port ?? this.nextPort++
      const holder = [...this.engines.values()].find(({ state }) => state.phase === 'running' && state.port === port)
      if (holder !== undefined) throw new AimError('PortTaken', { port, host: '127.0.0.1' })
      this.started.push(name)
      const running = {
        phase: 'running',
        pid: this.started.length,
        url: `http://127.0.0.1:${port}`,
        port,
        since: new Date().toISOString(),
        adopted: false,
      } as const
      const words = this.dies(spec, key)
      const state = words !== null ? exited(1, null, words) : this.startsAs === 'exits' || this.refuses?.(spec) ? exited(1) : running
      this.engines.set(name, { key, spec, state })
      return { state, argv: ['/fake/engine', '--port', String(port)], env: {} }
    }
    return { state: known.state, argv: ['/fake/engine'], env: {} }
  }

  async inspect(key: EngineKey): Promise<EngineState> {
    return this.engines.get(engineKeyName(key))?.state ?? { phase: 'absent' }
  }

  async stop(key: EngineKey): Promise<number[]> {
    this.engines.delete(engineKeyName(key))
    return []
  }

  async list() {
    return [...this.engines.values()].map((engine) => ({ ...engine, logFile: '/dev/null' }))
  }

  async processes() {
    return []
  }

  async reap(): Promise<number[]> {
    return []
  }

  async logTail(): Promise<string[]> {
    return []
  }

  async healthy(url: string): Promise<boolean> {
    return this.startsAs !== 'silent' && !this.hangs.has(url)
  }

  /** Tokens that it says it made: a busy engine makes some between any two looks. */
  private tokens = 0

  async metrics(url: string, _path: string, names: readonly string[]) {
    if (this.hangs.has(url)) return null
    if (this.busy) this.tokens += 1
    return Object.fromEntries(names.map((name) => [name, name.includes('generation_tokens') ? this.tokens : Number(this.busy)]))
  }

  async complete(url: string, _model: string, signal?: AbortSignal, limitMs = 120_000) {
    if (this.hangs.has(url)) {
      await withTimeLimit(limitMs, signal, (limit) => once(limit, 'abort'))
      throw new AimError('EngineNotAnswering', { reason: 'no answer', endpoint: 'fake' })
    }
    return { text: 'hello', tokens: 1, ms: 1 }
  }

  running(endpoint: string): Engine[] {
    return [...this.engines.values()].filter(({ key, state }) => key.endpoint === endpoint && state.phase === 'running')
  }

  /** Ends an engine as kill -9 would. */
  kill(endpoint: string): void {
    for (const engine of this.running(endpoint)) engine.state = exited(null, 'SIGKILL')
  }
}

function exited(code: number | null, signal: string | null = null, words = 'boom'): EngineState {
  return { phase: 'exited', code, signal, logTail: [words], endedAt: new Date().toISOString() }
}

export const COMMIT = 'a'.repeat(40)

export function fakeHub(change: Partial<Hub> = {}): Hub {
  const unused = () => Promise.reject(new Error('no bytes here'))
  const pin = async (repo: string, ref: string): Promise<PinnedModel> => ({
    repo,
    ref,
    commit: COMMIT,
    files: [{ path: 'model.gguf', size: 100, digest: { kind: 'sha256', hex: 'b'.repeat(64) } }],
  })
  return { pin, locate: unused, direct: unused, read: unused, readText: unused, ...change }
}

export class FakeWeights implements WeightStore {
  discarded: string[] = []
  ensuring: ((signal?: AbortSignal) => Promise<void>) | null = null

  async find(): Promise<Weights | null> {
    return null
  }

  async ensure(model: PinnedModel, _files: unknown, { signal }: { signal?: AbortSignal }): Promise<Weights> {
    await this.ensuring?.(signal)
    return { repo: model.repo, commit: model.commit, path: '/weights', bytes: 100, fetchedBytes: 0, sources: {}, cache: 'hit' }
  }

  async discardPartial(model: { repo: string }): Promise<void> {
    this.discarded.push(model.repo)
  }
}

export const fakeProbe: NodeProbe = {
  inspect: async () => ({
    hostname: 'fake',
    cpus: 2,
    memoryTotalBytes: 2 ** 34,
    memoryFreeBytes: 2 ** 33,
    cacheDisk: { path: '/', totalBytes: 2 ** 40, freeBytes: 2 ** 39 },
    gpus: [],
    rocm: { driver: null, rocm: null },
    labels: {},
    cachedModels: [],
    problems: [],
    backends: [{ backend: 'llamacpp', ready: true, version: '1' }],
    peerUrl: null,
  }),
}

const onCpu: Recipe = {
  id: 'any/llamacpp-cpu',
  origin: 'generic',
  model: '*',
  precision: null,
  backend: 'llamacpp',
  version: null,
  format: 'gguf',
  hardware: { kind: 'cpu' },
  parallel: { tensor: 1, pipeline: 1, data: 1, expert: false },
  objective: null,
  settings: {},
  args: {},
  env: {},
  benchmarks: [],
  source: 'a test',
}

/** One recipe for any GGUF file on the processor; no table of cards, no catalogue of models. */
export const fakeRecipes: Recipes = { all: async () => [onCpu], hardware: async () => [], models: async () => [] }

/** No prices, no code of any repository, and no pickles. */
export const fakePolicy: PlanPolicy = { prices: async () => null, allowsRemoteCode: () => false, allowsPickle: () => false }

export class FakeRecords implements Records {
  readonly all = new Map<string, DeploymentHistory>()
  readonly measured: Measurement[] = []

  async saveMeasurement(measurement: Measurement): Promise<void> {
    this.measured.push(measurement)
  }

  async measurements(models: string[]): Promise<Measurement[]> {
    return this.measured.filter(({ model }) => models.includes(model))
  }

  async begin(record: Parameters<Records['begin']>[0]): Promise<void> {
    const started = {
      revision: null,
      state: 'running',
      startedAt: new Date().toISOString(),
      endedAt: null,
      error: null,
      result: null,
      plan: null,
      attempts: [],
    } as const
    if (!this.all.has(record.runId)) this.all.set(record.runId, { ...record, ...started, attempts: [] })
  }

  async savePlan(run: Run, plan: DeploymentHistory['plan']): Promise<void> {
    this.find(run).plan = plan
  }

  async saveAttempt(attempt: DeploymentHistory['attempts'][number]): Promise<void> {
    this.find(attempt).attempts.push(attempt)
  }

  async finish(run: Run, end: Parameters<Records['finish']>[1]): Promise<void> {
    Object.assign(this.find(run), end, { endedAt: new Date().toISOString() })
  }

  async lastRevision(endpoint: string): Promise<number> {
    return Math.max(0, ...[...this.all.values()].filter((record) => record.endpoint === endpoint).map((record) => record.revision ?? 0))
  }

  async history(endpoint: string | null): Promise<DeploymentHistory[]> {
    return [...this.all.values()].filter((record) => record.endpoint === endpoint).toReversed()
  }

  async close(): Promise<void> {}

  /** A run that was reset goes on from the history of an earlier one. */
  private find({ workflowId, runId }: Run): DeploymentHistory {
    const earlier = [...this.all.values()].findLast((record) => record.workflowId === workflowId)
    const record = this.all.get(runId) ?? (earlier && { ...earlier, runId, attempts: [] })
    if (record === undefined) throw new AimError('NotFound', { what: `record ${runId}` })
    this.all.set(runId, record)
    return record
  }
}

/** Fences of a node without a disk. */
export class FakeFences implements FenceStore {
  private readonly seen = new Map<string, number>()
  private kept: Parameters<FenceStore['keepOnly']>[0] | null = null

  keepOnly(kept: Parameters<FenceStore['keepOnly']>[0]): void {
    this.kept = kept
  }

  async check({ endpoint, replica, gpus, fence }: Parameters<FenceStore['check']>[0]): Promise<void> {
    if (this.kept !== null && isOver({ endpoint, replica, fence }, this.kept)) {
      throw new AimError('LeaseFenced', { fence, endpoint, node: 'fake', highest: this.kept.fence })
    }
    const names = [`${endpoint}/${replica}`, ...gpus.map(String)]
    const highest = Math.max(this.seen.get(endpoint) ?? 0, ...names.map((name) => this.seen.get(name) ?? 0))
    if (highest > fence) throw new AimError('LeaseFenced', { fence, endpoint, node: 'fake', highest })
    for (const name of names) this.seen.set(name, fence)
  }

  async revoke(endpoint: string, fence: number): Promise<void> {
    this.seen.set(endpoint, Math.max(this.seen.get(endpoint) ?? 0, fence + 1))
  }

  async highest(): Promise<number> {
    return Math.max(0, ...this.seen.values())
  }
}

export const uniqueName = (prefix: string): string => `${prefix}-${randomBytes(4).toString('hex')}`
