import type { EndpointView } from '../../src/contracts/endpoint.js'
import type { NodeView } from '../../src/contracts/node-owner.js'
import { engineKeyName, type EngineKey } from '../../src/domain/engine.js'
import type { Lease } from '../../src/domain/lease.js'

/** An engine that runs: found by its mark among the processes, whatever anybody remembers of it. */
export type RunningEngine = { nodeId: string; key: EngineKey; gpus: number[]; pids: number[] }

/** `view` null: no workflow owns the endpoint. `answered`: the name that served an inference at its address; null: none was served. */
export type FoundEndpoint = {
  name: string
  /** What the last operation that ended well asked for; `whichever`: it failed, so the state before or nothing. */
  wanted: 'serving' | 'stopped' | 'whichever'
  view: EndpointView | null
  answered: string | null
}

/** What was found when a run had settled. The checker looks at nothing itself. */
export type Facts = {
  nodes: Pick<NodeView, 'nodeId' | 'presence' | 'leases' | 'quarantined'>[]
  endpoints: FoundEndpoint[]
  engines: RunningEngine[]
  /** Run ids of all workflows that are open. */
  openRuns: string[]
  /** Flows that should have ended by themselves, by type and id. */
  unfinished: string[]
  /** Whether the fault may leave an endpoint that cannot serve anywhere, if it says why. */
  mayDegrade: boolean
  /** Operations that failed although neither the fault nor a person is a reason. */
  needless: string[]
  /** Files of downloads that nobody works on. */
  halfWritten: string[]
  failedTasks: { workflowId: string; cause: string; message: string }[]
  /** GPUs that two engines had at the same time at any moment of the run. */
  shared: { nodeId: string; gpu: number; engines: string[] }[]
}

export type Violation = { invariant: Invariant; what: string }
export type Invariant = keyof typeof INVARIANTS

/** Each must hold after every run, whatever struck it; each answers what breaks it. */
const INVARIANTS = {
  'one owner per GPU': ({ nodes, shared }) => [
    ...nodes.flatMap(({ nodeId, leases }) => {
      const gpus = new Set(leases.flatMap((lease) => lease.gpus))
      return [...gpus].flatMap((gpu) => {
        const owners = leases.filter((lease) => lease.gpus.includes(gpu))
        return owners.length > 1 ? [`GPU ${gpu} of ${nodeId} is leased to ${owners.map(leaseName).join(' and ')}`] : []
      })
    }),
    ...shared.map(({ nodeId, gpu, engines }) => `GPU ${gpu} of ${nodeId} was used by ${engines.join(' and ')} at the same time`),
  ],

  'no orphan': (facts) =>
    facts.engines.flatMap((engine) => {
      const name = `${engineKeyName(engine.key)} on ${engine.nodeId} (pid ${engine.pids.join(', ')})`
      if (!leasesOn(facts, engine.nodeId).some((lease) => isOf(lease, engine.key))) return [`${name} runs without a lease`]
      const replica = viewOf(facts, engine.key.endpoint)?.replica
      const known = replica?.nodeId === engine.nodeId && engineKeyName(replica.key) === engineKeyName(engine.key)
      return known ? [] : [`${name} is no replica of its endpoint`]
    }),

  'no lost endpoint': ({ endpoints, mayDegrade }) =>
    endpoints.flatMap(({ name, wanted, view }) => {
      if (wanted === 'stopped') return view === null ? [] : [`${name} was stopped and still has an owner: ${view.phase}`]
      if (view === null) return wanted === 'serving' ? [`${name} was deployed and nobody owns it`] : []
      if (view.operation !== null) return [`${name} is locked by ${view.operation.workflowId}`]
      if (view.phase === 'serving') return []
      if (view.phase === 'degraded' && view.reason !== null)
        return mayDegrade ? [] : [`${name} is degraded, which the fault is no reason for: ${view.reason}`]
      return [`${name} is ${view.phase} and does not say why it cannot serve: ${view.reason ?? 'no reason'}`]
    }),

  'at most one routed engine per replica': ({ engines }) => {
    const nameOf = ({ key }: RunningEngine): string => `${key.endpoint}/${key.replica}`
    return [...new Set(engines.map(nameOf))].flatMap((name) => {
      const routed = engines.filter((engine) => nameOf(engine) === name)
      return routed.length > 1 ? [`${name} runs ${routed.length} times: ${routed.map(engineName).join(' and ')}`] : []
    })
  },

  'state equals reality': (facts) => [
    ...facts.endpoints.flatMap(({ name, view, answered }) => {
      if (view?.phase !== 'serving' || view.replica === null) return []
      const { key, nodeId, spec, pid } = view.replica
      const lease = leasesOn(facts, nodeId).find((candidate) => isOf(candidate, key))
      const engine = facts.engines.find((one) => one.nodeId === nodeId && engineKeyName(one.key) === engineKeyName(key))
      return [
        ...(lease?.state === 'bound' ? [] : [`${name} serves on ${nodeId} without a bound lease of fence ${key.fence}`]),
        ...(lease === undefined || same(lease.gpus, spec.gpus)
          ? []
          : [`${name} serves on GPUs ${listOf(spec.gpus)} and has leased ${listOf(lease.gpus)}`]),
        ...(engine === undefined ? [`${name} serves by ${engineKeyName(key)}, which does not run`] : []),
        ...(engine === undefined || engine.pids.includes(pid)
          ? []
          : [`${name} serves by pid ${pid}; its engine is ${listOf(engine.pids)}`]),
        ...(engine === undefined || same(engine.gpus, spec.gpus)
          ? []
          : [`${name} runs on GPUs ${listOf(engine.gpus)}, not on ${listOf(spec.gpus)}`]),
        ...(answered === name ? [] : [`${name} serves and answers ${answered === null ? 'nothing' : `as ${answered}`}`]),
      ]
    }),
    ...facts.nodes.flatMap(({ nodeId, leases }) =>
      leases.flatMap((lease) => {
        if (lease.state !== 'bound') return []
        const replica = viewOf(facts, lease.endpoint)?.replica
        const known = replica?.nodeId === nodeId && isOf(lease, replica.key)
        return known ? [] : [`${leaseName(lease)} on ${nodeId} is bound and no replica of its endpoint`]
      }),
    ),
  ],

  'no engine on a quarantined GPU': (facts) =>
    facts.engines.flatMap((engine) => {
      const bad = facts.nodes.find(({ nodeId }) => nodeId === engine.nodeId)?.quarantined ?? []
      return bad.filter(({ gpu }) => engine.gpus.includes(gpu)).map(({ gpu }) => `${engineName(engine)} runs on quarantined GPU ${gpu}`)
    }),

  'nothing half-written': ({ halfWritten }) => halfWritten.map((file) => `${file} was left`),

  'no lease of a flow that has ended': ({ nodes, openRuns }) =>
    nodes.flatMap(({ nodeId, leases }) =>
      leases
        .filter(({ state, owner }) => state === 'reserved' && !openRuns.includes(owner.runId))
        .map((lease) => `${leaseName(lease)} on ${nodeId} is reserved for ${lease.owner.workflowId}, which has ended`),
    ),

  'every flow ends': ({ unfinished }) => unfinished.map((flow) => `${flow} still runs`),

  'nothing fails needlessly': ({ needless }) => needless,

  'every node is ready': ({ nodes }) =>
    nodes.filter(({ presence }) => presence !== 'ready').map(({ nodeId, presence }) => `${nodeId} is ${presence}`),

  'no failed workflow task': ({ failedTasks }) =>
    failedTasks.map(({ workflowId, cause, message }) => `a task of ${workflowId} failed: ${cause}: ${message}`),
} as const satisfies Record<string, (facts: Facts) => string[]>

/** Everything that does not hold. */
export function violationsOf(facts: Facts): Violation[] {
  return Object.entries(INVARIANTS).flatMap(([invariant, check]) =>
    check(facts).map((what) => ({ invariant: invariant as Invariant, what })),
  )
}

const leasesOn = ({ nodes }: Facts, nodeId: string): Lease[] => nodes.find((node) => node.nodeId === nodeId)?.leases ?? []
const viewOf = ({ endpoints }: Facts, name: string): EndpointView | null =>
  endpoints.find((endpoint) => endpoint.name === name)?.view ?? null
const isOf = (lease: Lease, key: EngineKey): boolean =>
  lease.endpoint === key.endpoint && lease.replica === key.replica && lease.fence === key.fence
const leaseName = ({ endpoint, replica, fence }: Lease): string => `${endpoint}/${replica}/${fence}`
const engineName = ({ key, nodeId }: RunningEngine): string => `${engineKeyName(key)} on ${nodeId}`
const listOf = (numbers: number[]): string => numbers.toSorted((a, b) => a - b).join()
const same = (a: number[], b: number[]): boolean => listOf(a) === listOf(b)
