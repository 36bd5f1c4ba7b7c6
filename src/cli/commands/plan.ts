import { readFile } from 'node:fs/promises'
import { AimError, isAimError } from '../../contracts/errors.js'
import { requirementsOf, type DeployRequest } from '../../contracts/deploy.js'
import { readInventory } from '../../contracts/inventory.js'
import type { NodeInspection } from '../../domain/node.js'
import type { Plan } from '../../domain/plan.js'
import { noCandidateReasons } from '../../domain/plan-reasons.js'
import type { RenderKind } from '../../domain/render-kinds.js'
import type { Settings } from '../../config/settings.js'
import type { Cli } from '../cli.js'
import { unlessInterrupted } from '../interrupt.js'
import type { Report } from '../output/report.js'
import { planExit, planText } from '../views/plan.js'
import { planHints } from '../views/plan-hints.js'
import { deployRequest } from './deploy.js'
import { deployWords } from './deploy-words.js'
import type { RequirementOptions } from './requirement-options.js'

export type PlanOptions = RequirementOptions & { inventory?: string; render?: RenderKind }

type Planned = { plan: Plan; model: { repo: string; commit: string | null }; notes: string[] }

export async function plan(cli: Cli, [model = '']: string[], { inventory, render, ...options }: PlanOptions): Promise<Report> {
  const request = deployRequest(model, { ...options, dryRun: true })
  const { settings } = await cli.configuration()
  const planned =
    inventory === undefined ? await planHere(cli, settings, request) : await planFor(settings, request, await nodesOf(cli, inventory))
  if (render !== undefined) return rendered(settings, request, planned, render)
  return {
    data: { model: planned.model, ...planned.plan, notes: planned.notes },
    names: planned.plan.candidates.map(({ recipe }) => recipe),
    text: (view) => planText(planned.plan, view),
    notes: [...planned.notes, ...nextSteps(planned.plan, deployWords(cli.terminal.argv, model), inventory !== undefined)],
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

async function nodesOf(cli: Cli, file: string): Promise<{ nodes: NodeInspection[]; assumptions: string[] }> {
  const source = await (file === '-' ? textOf(cli.terminal.stdin) : readFile(file, 'utf8')).catch((error: unknown) => {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const rule = missing ? `${file} does not exist` : `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`
    throw new AimError('InvalidInput', { field: '--inventory', rule }, { cause: error })
  })
  try {
    return readInventory(JSON.parse(source))
  } catch (error) {
    const rule = isAimError(error) ? `${error.details['field']}: ${error.details['rule']}` : (error as Error).message
    throw new AimError('InvalidInput', { field: `--inventory ${file}`, rule }, { cause: error })
  }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

async function rendered(
  settings: Settings,
  request: DeployRequest,
  { plan: made, model, notes }: Planned,
  kind: RenderKind,
): Promise<Report> {
  if (made.candidates.length === 0) {
    const next =
      made.fallback.length > 0 ? 'without --render the plan shows what would run and gives something up' : planHints(made).join('; ')
    throw new AimError('NoCandidate', { reasons: noCandidateReasons(made), ...(next !== '' && { next }) })
  }
  const { renderFirst } = await import('../../worker/render-candidate.js')
  const asked = { candidates: made.candidates, name: request.endpoint, model, kind }
  const { text, candidate, notes: remarks } = await renderFirst(settings, asked)
  return { data: { kind, text, candidate }, names: [candidate.recipe], text: () => text, notes: [...notes, ...remarks] }
}

function nextSteps(made: Plan, deployed: string, elsewhere: boolean): string[] {
  const { candidates, fallback } = made
  const where = elsewhere ? 'where a server runs those nodes' : 'where a server runs'
  if (candidates.length > 0) return [`next: ${deployed} starts number 1 ${where}`]
  if (fallback.length > 0) return ['nothing meets all that was asked; the fallbacks above would run']
  return ['nothing fits: see why above', ...planHints(made).map((hint) => `next: ${hint}`)]
}
