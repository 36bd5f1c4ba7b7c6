import { AimError, type ErrorDetails, isAimError } from '../../contracts/errors.js'
import { RedirectError, type HttpAnswer } from './http.js'

/** What a request was about: fills the messages. `hub` is an address without credentials. */
export type About = { hub: string; model: string; ref: string }

/** Seconds that a hub is left alone when it does not say how long. */
const DEFAULT_WAIT_SECONDS = 30

/** What of an answer tells why it is none. */
type Refused = Pick<HttpAnswer, 'status' | 'sent'> & { message: { headers: NodeJS.Dict<string | string[]> } }

/** The refusal in an answer that is neither a success nor a redirect. */
export function refusal({ status, message, sent }: Refused, about: About): AimError {
  const { hub, model, ref } = about
  const code = message.headers['x-error-code']
  const said = remark(message.headers['x-error-message'])
  if (code === 'RepoNotFound') return new AimError('ModelNotFound', { model, hub })
  if (code === 'RevisionNotFound') return new AimError('RevisionNotFound', { model, ref, hub })
  if (code === 'EntryNotFound') return protocol(about, `a file that it lists is not there (${status})`)
  if (code === 'GatedRepo') return new AimError('HubAuth', { model, hub, reason: `it is gated${said}` })
  if (status === 401) {
    const reason = sent['authorization'] === undefined ? 'it does not exist, or it needs a token' : 'the token does not open it'
    return new AimError('HubAuth', { model, hub, reason: `${reason} (401)${said}` })
  }
  if (status === 403) return new AimError('HubAuth', { model, hub, reason: `no access (403)${said}` })
  if (status === 404) return new AimError('ModelNotFound', { model, hub })
  if (status === 429) return new AimError('HubRateLimited', { hub, seconds: waitSeconds(message.headers) ?? DEFAULT_WAIT_SECONDS })
  if (status === 408 || status >= 500) return unreachable(hub, `status ${status}${said}`, { seconds: waitSeconds(message.headers) })
  return protocol(about, `status ${status}${said}`)
}

/** An answer that breaks the protocol. */
export function protocol(about: About, reason: string): AimError {
  return new AimError('HubProtocol', { hub: about.hub, what: about.model, reason })
}

/** `seconds`: how long the hub asks to be left alone; null when it does not say. */
export function unreachable(hub: string, reason: string, details: ErrorDetails = {}, cause?: unknown): AimError {
  return new AimError('HubUnreachable', { hub, reason, ...details }, { cause })
}

/** What went wrong below HTTP, as a code of the table. An abort stays what the caller gave as its reason. */
export function networkFailure(error: unknown, about: About, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason
  if (isAimError(error)) return error
  if (error instanceof RedirectError || error instanceof SyntaxError) return protocol(about, error.message)
  const { code, message } = error as NodeJS.ErrnoException
  // Only the token can hold such a character; the error's own text must not be shown.
  if (code === 'ERR_INVALID_CHAR')
    return new AimError('HubAuth', { model: about.model, hub: about.hub, reason: 'the token holds a character that no token has' })
  return unreachable(about.hub, code === undefined || code === 'ETIMEDOUT' ? message : code, {}, error)
}

/** Seconds to wait, of `Retry-After` (seconds or a date) or the hub's own `RateLimit` (`"api";r=0;t=55`); null when neither is there. */
export function waitSeconds(headers: NodeJS.Dict<string | string[]>, now = Date.now()): number | null {
  const after = String(headers['retry-after'] ?? '').trim()
  if (/^\d+$/.test(after)) return Number(after)
  const date = Date.parse(after)
  if (!Number.isNaN(date)) return Math.max(0, Math.ceil((date - now) / 1000))
  const reset = /r=0\s*;\s*t=(\d+)/.exec(String(headers['ratelimit'] ?? ''))
  return reset ? Number(reset[1]) : null
}

/** Words of a stranger, fit to be printed. */
function remark(text: string | string[] | undefined): string {
  if (text === undefined) return ''
  return `: ${String(text)
    .replaceAll(/[^\x20-\x7e]/g, ' ')
    .slice(0, 200)}`
}
