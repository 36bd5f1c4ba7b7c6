import { AimError } from '../../contracts/errors.js'
import type { NodeInspection } from '../../domain/node.js'
import type { Cli } from '../cli.js'
import type { Check, Finding, Result } from '../doctor/check.js'
import { engineChecks, platformChecks } from '../doctor/platform.js'
import { portChecks } from '../doctor/ports.js'
import { runChecks } from '../doctor/run-checks.js'
import { databaseChecks, hubChecks, temporalChecks } from '../doctor/services.js'
import { listReport, type Column, type Report } from '../output/report.js'
import type { Style } from '../output/style.js'

export type DoctorOptions = { only?: string }

export const CHECKS: Check[] = [...platformChecks, ...engineChecks, ...temporalChecks, ...hubChecks, ...databaseChecks, ...portChecks]

const STYLES: Record<Result, Style> = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'dim' }

const COLUMNS: Column<Finding>[] = [
  { header: 'CHECK', value: ({ check }) => check },
  { header: 'RESULT', value: ({ result }) => result, style: ({ result }) => STYLES[result] },
  { header: 'EVIDENCE', value: ({ evidence }) => evidence },
  { header: 'FIX', value: ({ fix }) => fix ?? '' },
]

export async function doctor(cli: Cli, _args: string[], { only }: DoctorOptions): Promise<Report> {
  const checks = CHECKS.filter(({ code }) => only === undefined || code === only || code.startsWith(`${only}.`))
  if (checks.length === 0)
    throw new AimError('InvalidInput', {
      field: '--only',
      rule: `must be a section or a check: ${CHECKS.map(({ code }) => code).join(', ')}`,
    })
  const configuration = await cli.configuration()
  let inspection: Promise<NodeInspection> | undefined
  const findings = await runChecks(checks, { cli, configuration, inspection: () => (inspection ??= inspect(cli)) })
  const count = (result: Result): number => findings.filter((finding) => finding.result === result).length
  return listReport({
    items: findings,
    columns: COLUMNS,
    name: ({ check }) => check,
    empty: '',
    notes: [`${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail, ${count('skipped')} skipped`],
    exit: count('fail') > 0 ? 1 : 0,
  })
}

async function inspect(cli: Cli): Promise<NodeInspection> {
  const { settings } = await cli.configuration()
  const { inspectLocalNode } = await import('../../worker/local-node.js')
  return inspectLocalNode(settings)
}
