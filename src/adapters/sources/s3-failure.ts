import { AimError, isAimError } from '../../contracts/errors.js'
import { unreachable, type About } from '../hub/failures.js'

/** Errors of the SDK carry the status of the answer; those below HTTP have none. */
export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
}

/** What the SDK threw, as a code of the table; a refusal names the `file` that was asked for. An abort stays what the caller gave as its reason. */
export function s3Failure(error: unknown, { hub, model, file }: About & { file: string }, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason
  if (isAimError(error) || !(error instanceof Error)) return error
  const { name, message, code } = error as NodeJS.ErrnoException
  if (name === 'CredentialsProviderError')
    return new AimError('HubAuth', { model, hub, reason: 'no credentials were found' }, { cause: error })
  if (message === 'Region is missing')
    return new AimError('InvalidInput', { field: 'AIM_S3_REGION', rule: 'must be set' }, { cause: error })
  const status = statusOf(error)
  if (status === 401 || status === 403)
    return new AimError('HubAuth', { model, hub, file, reason: `no access (${status})` }, { cause: error })
  if (status === 301) return new AimError('HubAuth', { model, hub, reason: 'the bucket is in another region' }, { cause: error })
  if (status !== undefined && status < 500 && status !== 408 && status !== 429)
    return new AimError('HubProtocol', { hub, what: model, reason: `${name} (${status})` }, { cause: error })
  return unreachable(hub, status === undefined ? (code ?? name) : `${name} (${status})`, {}, error)
}
