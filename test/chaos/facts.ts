import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { WorkflowNotFoundError, type Client, type WorkflowExecutionInfo } from '@temporalio/client'
import { queryOf } from '../../src/adapters/temporal/query.js'
import type { EndpointView } from '../../src/contracts/endpoint.js'
import { ENDPOINT_QUERY } from '../../src/contracts/messages.js'
import { NODE_QUERY, type NodeView } from '../../src/contracts/node-owner.js'
import { workflowIds } from '../../src/contracts/workflow-ids.js'
import type { ChaosCluster } from './cluster.js'
import type { Facts, FoundEndpoint } from './invariants.js'
import { runningEngines } from './processes.js'
import { NODES, type NodeName } from './schedule.js'

/** The owners of endpoints and nodes never end by themselves; every other flow must. */
const OWNERS = ['superviseEndpoint', 'manageNode']
/** What a server says of a task without anything being wrong: a message overtook it (1), the run was closed meanwhile (17) or reset by hand (20). */
const HARMLESS = [1, 17, 20]

export type Wanted = Map<string, FoundEndpoint['wanted']>

/** What a run knows by itself. `since`: when it began. */
type Known = { wanted: Wanted; since: Date } & Pick<Facts, 'shared' | 'needless' | 'mayDegrade'>

/** Looks at everything once: Temporal, processes, leases, caches, and asks every engine that serves. */
export async function collectFacts(cluster: ChaosCluster, { wanted, since, ...known }: Known): Promise<Facts> {
  const { client } = cluster
  const nodes = await Promise.all(NODES.map((name) => queryOf<NodeView>(client, workflowIds.node(name), NODE_QUERY)))
  const endpoints = await Promise.all([...wanted].map(([name, what]) => lookAt(cluster, name, what)))
  const runs = await runsSince(client, since)
  const open = runs.filter(({ status }) => status.name === 'RUNNING')
  return {
    nodes,
    endpoints,
    engines: runningEngines(cluster.root),
    openRuns: open.map(({ runId }) => runId),
    unfinished: open.filter(({ type }) => !OWNERS.includes(type)).map(({ workflowId, type }) => `${type} ${workflowId}`),
    halfWritten: NODES.flatMap((name) => halfWritten(name, cluster.nodes[name].hf)),
    failedTasks: (await Promise.all(runs.map((run) => failedTasks(client, run)))).flat(),
    ...known,
  }
}

async function lookAt(cluster: ChaosCluster, name: string, wanted: FoundEndpoint['wanted']): Promise<FoundEndpoint> {
  const view = await viewOf(cluster.client, name)
  return { name, wanted, view, answered: view?.phase === 'serving' ? await answerOf(cluster, view) : null }
}

/** Null: nobody owns the endpoint. */
export async function viewOf(client: Client, name: string): Promise<EndpointView | null> {
  const handle = client.workflow.getHandle(workflowIds.endpoint(name))
  try {
    const { status } = await handle.describe()
    return status.name === 'RUNNING' ? await queryOf<EndpointView>(client, workflowIds.endpoint(name), ENDPOINT_QUERY) : null
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null
    throw error
  }
}

/** The name under which the engine at the endpoint's address completes a request; null: it completes none. */
async function answerOf({ nodes }: ChaosCluster, { endpoint, replica }: EndpointView): Promise<string | null> {
  if (replica === null) return null
  const { reach } = nodes[replica.nodeId as NodeName]
  const text = await reach.post(`${replica.url}/v1/completions`, { model: endpoint, prompt: 'ping', max_tokens: 1 })
  return text === null ? null : (JSON.parse(text) as { model: string }).model
}

/** Runs that were open at any time since then. */
async function runsSince(client: Client, since: Date): Promise<WorkflowExecutionInfo[]> {
  const runs: WorkflowExecutionInfo[] = []
  const query = `ExecutionStatus = 'Running' OR CloseTime >= '${since.toISOString()}'`
  for await (const run of client.workflow.list({ query })) runs.push(run)
  return runs
}

async function failedTasks(client: Client, { workflowId, runId }: WorkflowExecutionInfo): Promise<Facts['failedTasks']> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory()
  return (events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) => {
    if (!failed) return []
    return HARMLESS.includes(failed.cause ?? 0)
      ? []
      : [{ workflowId, cause: `cause ${failed.cause}`, message: failed.failure?.message ?? '' }]
  })
}

/** Part files, lock files and whatever else a download leaves that did not end. Python's own lock files stay as Python leaves them. */
function halfWritten(node: string, hf: string): string[] {
  const below = (path: string): string[] => (existsSync(path) ? readdirSync(path, { recursive: true }).map((file) => String(file)) : [])
  const partials = below(join(hf, 'aim', 'partials'))
  const cached = below(join(hf, 'hub')).filter((path) => /^(?!\.locks\/).*\.(part|incomplete|lock)$/.test(path))
  return [...partials, ...cached].map((path) => `${node}: ${path}`)
}
