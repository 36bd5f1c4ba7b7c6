import { readFile } from 'node:fs/promises'
import { AimError, isAimError } from '../../contracts/errors.js'
import { requirementsOf, type DeployRequest } from '../../contracts/deploy.js'
import { readInventory } from '../../contracts/inventory.js'
import type { NodeInspection } from '../../domain/node.js'
import type { RenderKind } from '../../domain/render-kinds.js'
import type { Plan } from '../../domain/plan.js'
import type { Settings } from '../../config/settings.js'
import type { Cli } from '../cli.js'
import { unlessInterrupted } from '../interrupt.js'
import type { Report } from '../output/report.js'
import { planExit, planText } from '../views/plan.js'
import { deployRequest } from './deploy.js'
import type { RequirementOptions } from './requirement-options.js'

export type PlanOptions = RequirementOptions & { inventory?: string; render?: RenderKind }

type Planned = { plan: Plan; model: { repo: string; commit: string | null }; notes: string[] }

export async function plan(cli: Cli, [model = '']: string[], { inventory, render, ...options }: PlanOptions): Promise<Report> {
  const request = deployRequest(model, { ...options, dryRun: true })
  const { settings } = await cli.configuration()
  const planned =
    inventory === undefined ? await planHere(cli, settings, request) : await planFor(settings, request, await nodesOf(inventory))
  if (render !== undefined) return rendered(settings, request, planned, render)
  return {
    data: { model: planned.model, ...planned.plan, notes: planned.notes },
    names: planned.plan.candidates.map(({ recipe }) => recipe),
    text: (view) => planText(planned.plan, view),
    notes: [...planned.notes, ...nextSteps(planned.plan, model)],
    exit: planExit(planned.plan),
  }
}

/** The cluster's plan where there is one, else one for this machine. */
async function planHere(cli: Cli, settings: Settings, request: DeployRequest): Promise<Planned> {
  try {
    const client = await cli.connect()
    const handle = await client.deploy(request)
    const { plan: made, model } = await unlessInterrupted(handle.result(), cli.interrupts(), ['nothing was changed'])
    return { plan: made, model, notes: [] }
  } catch (error) {
    if (!isAimError(error) || error.code !== 'NotRunning') throw error
  }
  const { inspectLocalNode } = await import('../../worker/local-node.js')
  const planned = await planFor(settings, request, { nodes: [await inspectLocalNode(settings)], assumptions: [] })
  return { ...planned, notes: [...planned.notes, 'no server runs: planned for this machine alone'] }
}

async function planFor(
  settings: Settings,
  request: DeployRequest,
  { nodes, assumptions }: { nodes: NodeInspection[]; assumptions: string[] },
): Promise<Planned> {
  const { planLocally } = await import('../../worker/local-plan.js')
  const { model, ref } = request
  const planned = await planLocally(settings, { model, ref, nodes, requirements: requirementsOf(request) })
  return { ...planned, notes: [...assumptions.toSorted(), ...planned.notes] }
}

async function nodesOf(file: string): Promise<{ nodes: NodeInspection[]; assumptions: string[] }> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new AimError('InvalidInput', { field: '--inventory', rule: `${file} cannot be read: ${String(error)}` }, { cause: error })
  })
  try {
    return readInventory(JSON.parse(text))
  } catch (error) {
    const rule = isAimError(error) ? `${error.details['field']}: ${error.details['rule']}` : (error as Error).message
    throw new AimError('InvalidInput', { field: `--inventory ${file}`, rule }, { cause: error })
  }
}

async function rendered(
  settings: Settings,
  request: DeployRequest,
  { plan: made, model, notes }: Planned,
  kind: RenderKind,
): Promise<Report> {
  const [best] = made.candidates
  if (best === undefined)
    throw new AimError('NoCandidate', { reasons: made.dropped.map(({ recipe, reason }) => `${recipe}: ${reason}`).join('; ') })
  const { renderCandidate } = await import('../../worker/render-candidate.js')
  const { text, notes: remarks } = await renderCandidate(settings, { candidate: best, name: request.endpoint, commit: model.commit, kind })
  return { data: { kind, text, candidate: best }, names: [best.recipe], text: () => text, notes: [...notes, ...remarks] }
}

function nextSteps({ candidates, fallback }: Plan, model: string): string[] {
  if (candidates.length > 0) return [`next: aim deploy ${model} starts number 1 where a server runs`]
  return fallback.length > 0
    ? ['nothing meets all that was asked; the fallbacks above would run']
    : ['nothing fits: see why above; another --precision, --context or --hardware may']
}
