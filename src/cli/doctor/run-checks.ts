import { isAimError } from '../../contracts/errors.js'
import { pause } from '../interrupt.js'
import type { Check, CheckContext, Finding } from './check.js'

const AT_ONCE = 4
const LIMIT_MS = 15_000

/** Runs the checks, a few at a time, and answers in their order. A check that hangs or throws has failed. */
export async function runChecks(checks: Check[], context: CheckContext, limitMs = LIMIT_MS): Promise<Finding[]> {
  const findings: Finding[] = []
  const waiting = [...checks.entries()]
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, check] = next
      findings[index] = { check: check.code, ...(await withLimit(check, context, limitMs)) }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return findings
}

async function withLimit(check: Check, context: CheckContext, limitMs: number): Promise<Omit<Finding, 'check'>> {
  const done = new AbortController()
  const late = pause(limitMs, done.signal).then((): Omit<Finding, 'check'> => ({
    result: 'fail',
    evidence: `no answer in ${limitMs / 1000} s`,
    fix: 'aim doctor -v',
  }))
  try {
    return await Promise.race([check.run(context).catch(failure), late])
  } finally {
    done.abort()
  }
}

function failure(error: unknown): Omit<Finding, 'check'> {
  if (isAimError(error)) return { result: 'fail', evidence: error.message, fix: error.fix }
  return {
    result: 'fail',
    evidence: error instanceof Error ? error.message : String(error),
    fix: 'run again with AIM_DEBUG=1 and report it',
  }
}
