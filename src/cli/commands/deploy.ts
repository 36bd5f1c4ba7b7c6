import type { OperationHandle } from '../../client/types.js'
import { DeployRequest } from '../../contracts/deploy.js'
import type { DeployResult } from '../../contracts/endpoint.js'
import { AimError } from '../../contracts/errors.js'
import type { Cli } from '../cli.js'
import { nameFromModel } from '../endpoint-name.js'
import { Interrupted, unlessInterrupted } from '../interrupt.js'
import { recordReport, silentReport, type Report } from '../output/report.js'
import { follow } from '../progress/follow.js'
import { confirmReplacement } from '../replacement.js'
import { refuseTakenPort } from '../taken-port.js'
import { shellWords } from '../shell-words.js'
import { deployedReport, plannedReport } from '../views/deployed.js'
import { fallbackField, type FallbackOptions } from './fallback-options.js'
import { requirementFields, type RequirementOptions } from './requirement-options.js'

export type DeployOptions = RequirementOptions &
  FallbackOptions & {
    name?: string
    port?: number
    reason?: string
    detach?: boolean
    /** Milliseconds. */
    timeout?: number
    dryRun?: boolean
    yes?: boolean
  }

/** How a field of the request is written on the command line. */
const FLAG_OF: Record<keyof DeployRequest, string> = {
  endpoint: '--name',
  model: 'MODEL',
  ref: '--ref',
  file: '--file',
  backend: '--backend',
  recipe: '--recipe',
  node: '--node',
  context: '--context',
  concurrency: '--concurrency',
  objective: '--objective',
  precisions: '--precision',
  hardware: '--hardware',
  gpus: '--gpus',
  labels: '--label',
  maxPricePerHour: '--max-price',
  port: '--port',
  reason: '--reason',
  fallback: '--fallback',
  repair: 'repair',
  dryRun: '--dry-run',
}

const FALLBACK_FLAGS: Record<string, string> = { 'fallback.budget.attempts': '--attempts', 'fallback.budget.minutes': '--within' }

export async function deploy(cli: Cli, [model = '']: string[], options: DeployOptions): Promise<Report> {
  const request = deployRequest(model, options)
  const interrupts = cli.interrupts()
  const client = await unlessInterrupted(cli.connect(), interrupts, ['nothing was started'])
  await unlessInterrupted(refuseTakenPort(client, request), interrupts, ['nothing was started'])
  if (!request.dryRun && !options.yes && !(await confirmReplacement(cli, client, request))) {
    return silentReport(1, ['nothing was changed'])
  }
  const unsure = [`it may have been started: aim status ${request.endpoint}`]
  const handle = await unlessInterrupted(client.deploy(request), interrupts, unsure)
  if (handle.attached) cli.note(`joined the deploy of ${request.endpoint} that is already running`)
  if (options.detach) return detachedReport(request.endpoint, handle)
  const result = await follow(cli, handle, {
    what: `deploy of ${request.endpoint}`,
    look: `aim status ${request.endpoint}`,
    ...(options.timeout !== undefined && { timeoutMs: options.timeout }),
    onLeave: leavingNotes(request, cli.terminal.argv),
  }).catch((error: unknown) => {
    if (error instanceof Interrupted && request.dryRun) throw new Interrupted(['nothing was changed'])
    throw error
  })
  return result.outcome === 'planned' ? plannedReport(result) : deployedReport(result)
}

/** Checks what was typed before anything is asked of the cluster. Throws InvalidInput with the flag as the field. */
export function deployRequest(model: string, options: DeployOptions): DeployRequest {
  const { name, port, reason, dryRun } = options
  const endpoint = name ?? nameFromModel(model)
  const asked = { endpoint, model, ...requirementFields(options), port, fallback: fallbackField(options), reason, dryRun }
  const result = DeployRequest.safeParse(Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)))
  if (result.success) return result.data
  // A name that was derived is not what the person got wrong.
  const issues = result.error.issues.filter(({ path }) => name !== undefined || path[0] !== 'endpoint')
  const issue = issues[0] ?? result.error.issues[0]
  const field = FALLBACK_FLAGS[issue?.path.join('.') ?? ''] ?? FLAG_OF[issue?.path[0] as keyof DeployRequest] ?? 'MODEL'
  throw new AimError('InvalidInput', { field, rule: issue?.message ?? 'is not valid' })
}

function leavingNotes({ endpoint }: DeployRequest, argv: string[]): string[] {
  return [
    `the deploy of ${endpoint} goes on`,
    `  watch:   aim status ${endpoint} -w`,
    `  rejoin:  aim ${shellWords(argv)}`,
    `  cancel:  aim stop ${endpoint}`,
  ]
}

function detachedReport(endpoint: string, { workflowId, runId, attached }: OperationHandle<DeployResult>): Report {
  return recordReport({
    data: { endpoint, workflowId, runId, attached },
    name: endpoint,
    fields: () => [
      ['endpoint', endpoint],
      ['state', 'deploying'],
      ['workflow', workflowId],
    ],
    notes: [`next: aim status ${endpoint} -w`, `      aim stop ${endpoint}`],
  })
}
