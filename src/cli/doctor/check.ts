import type { NodeInspection } from '../../domain/node.js'
import type { Cli, Configuration } from '../cli.js'

/** `skipped`: does not apply here. `warn`: works, but not as well as it could. `fail`: something will not work. */
export type Result = 'ok' | 'warn' | 'fail' | 'skipped'

/** What one check found. `check` is its code, which stays the same over versions. */
export type Finding = { check: string; result: Result; evidence: string; fix: string | null }

export type CheckContext = {
  cli: Cli
  configuration: Configuration
  /** This machine, looked at once for all checks. */
  inspection: () => Promise<NodeInspection>
}

/** One check: `<section>.<name>`. What it throws becomes its failure. */
export type Check = { code: string; run(context: CheckContext): Promise<Omit<Finding, 'check'>> }

export const ok = (evidence: string): Omit<Finding, 'check'> => ({ result: 'ok', evidence, fix: null })
export const warn = (evidence: string, fix: string): Omit<Finding, 'check'> => ({ result: 'warn', evidence, fix })
export const fail = (evidence: string, fix: string): Omit<Finding, 'check'> => ({ result: 'fail', evidence, fix })
export const skipped = (evidence: string, fix: string | null = null): Omit<Finding, 'check'> => ({ result: 'skipped', evidence, fix })
