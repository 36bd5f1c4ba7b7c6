import { isCancellation, setCurrentDetails } from '@temporalio/workflow'
import type { EndpointView } from '../src/contracts/endpoint.js'
import { HealthRequest, type CheckedReplica, type HealthReport } from '../src/contracts/health.js'
import { engineKeyName } from '../src/domain/engine.js'
import { checkOnNode, control } from './activities.js'
import { parseInput } from './input.js'
import { rootMessage } from './steps.js'
import { show } from './visibility.js'

/** Looks at every replica of an endpoint once, with the checks of its watch, and reports the evidence. It changes nothing. */
export async function healthCheck(input: unknown): Promise<HealthReport> {
  const { endpoint } = parseInput(HealthRequest, input)
  show({ AimEndpoint: endpoint, AimState: 'checking' })
  const view = await control.endpointView({ endpoint })
  const report = await reportOf(endpoint, view)
  show({ AimState: report.outcome })
  setCurrentDetails(report.replicas.map(line).join('\n') || 'nothing serves under this name')
  return report
}

async function reportOf(endpoint: string, view: EndpointView | null): Promise<HealthReport> {
  const at = new Date().toISOString()
  const replica = view?.replica ?? null
  if (view === null || replica === null) return { ...tellOf(view), endpoint, at, outcome: 'absent', replicas: [] }
  const replicas = [await checked(replica, view)]
  const well = replicas.every(({ evidence }) => evidence?.verdict === 'serving' || evidence?.verdict === 'busy')
  return { ...tellOf(view), endpoint, at, outcome: well ? 'well' : 'unwell', replicas }
}

function tellOf(view: EndpointView | null): Pick<HealthReport, 'phase' | 'reason' | 'healing' | 'next'> {
  return { phase: view?.phase ?? null, reason: view?.reason ?? null, healing: view?.healing ?? [], next: view?.next ?? null }
}

async function checked(
  { key, spec, nodeId, simulated }: NonNullable<EndpointView['replica']>,
  { presence }: EndpointView,
): Promise<CheckedReplica> {
  const known = { replica: key.replica, node: nodeId, presence, engine: engineKeyName(key), ...(simulated && { simulated }) }
  try {
    return { ...known, evidence: await checkOnNode(nodeId).checkReplica({ key, spec }), problem: null }
  } catch (error) {
    if (isCancellation(error)) throw error
    return { ...known, evidence: null, problem: `node ${nodeId} could not be asked: ${rootMessage(error)}` }
  }
}

const line = ({ replica, node, evidence, problem }: CheckedReplica): string =>
  `- replica ${replica} on ${node}: ${evidence === null ? problem : `${evidence.verdict}, ${evidence.why}`}`
