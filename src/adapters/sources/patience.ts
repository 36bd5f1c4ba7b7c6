import { isAimError, type AimError, type ErrorCode } from '../../contracts/errors.js'
import type { WeightSource } from '../../ports/weight-source.js'

/** What is the place's fault, and not the file's. */
const DOWN: ReadonlySet<ErrorCode> = new Set(['HubUnreachable', 'HubAuth', 'TransferStalled', 'SecretMissing'])
/** Failures in a row that a place is allowed; each is tried again after a wait by whoever transfers. */
const MOST_FAILURES = 3
const REST_MS = 30_000

/**
 * For a place beside the hub: one that is down is not asked again for every file, but left alone for half a minute, during which it holds nothing.
 */
export function withPatience(source: WeightSource, restMs = REST_MS): WeightSource {
  let failures = 0
  let restsUntil = 0
  return {
    ...source,
    async locate(model, file, signal) {
      if (performance.now() < restsUntil) return null
      try {
        const location = await source.locate(model, file, signal)
        failures = 0
        return location
      } catch (error) {
        if (!isAimError(error) || !DOWN.has(error.code) || isAboutFile(error)) throw error
        failures += 1
        if (failures < MOST_FAILURES) throw error
        failures = 0
        restsUntil = performance.now() + restMs
        return null
      }
    },
  }
}

/** Access to one file says nothing about the others. */
const isAboutFile = ({ code, details }: AimError): boolean => code === 'HubAuth' && details['file'] !== undefined
