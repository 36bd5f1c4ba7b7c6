import { fingerprint } from '../domain/fingerprint.js'
import type { DeployRequest } from './deploy.js'

/** What makes two deploys the same: all that was asked for, but not why. */
export function requestFingerprint({ reason: _, ...asked }: DeployRequest): string {
  return fingerprint(asked)
}
