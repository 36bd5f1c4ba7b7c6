import { AimError } from '../../contracts/errors.js'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import type { WeightSource } from '../../ports/weight-source.js'
import type { HttpLimits } from '../hub/http.js'
import { createPlace, encodePath, mayBe, PLAIN_HEADERS } from './place.js'

const DEFAULT_LIMITS: HttpLimits = { connectMs: 15_000, answerMs: 60_000 }
/** What a CDN says of a file that it does not have; those over a private store say 403. */
const ABSENT = new Set([403, 404, 410])

/** Files by an address that is made from `template`, which holds `{repo}`, `{commit}`, `{path}` or `{digest}`. */
export function cdnSource(template: string, limits: Partial<HttpLimits> = {}): WeightSource {
  const place = createPlace({ ...DEFAULT_LIMITS, ...limits })
  const { origin } = new URL(template)
  const name = `cdn ${origin}`
  const about = (model: string) => ({ hub: name, model, ref: '' })
  return {
    kind: 'cdn',
    name,
    async locate(model, file, signal) {
      const url = addressOf(template, model, file)
      const head = await place.head({ url, headers: PLAIN_HEADERS, follow: 'all' }, about(model.repo), signal)
      if (ABSENT.has(head.status)) return null
      if (head.status !== 200) throw new AimError('HubProtocol', { hub: name, what: file.path, reason: `status ${head.status}` })
      return mayBe(file, head) ? { url, headers: PLAIN_HEADERS, size: file.size, etag: '', model: model.repo } : null
    },
    read: (location, range, signal) => place.read(location, range, about(location.model ?? ''), signal),
  }
}

/** Values are encoded, so that none can leave its place in the address. */
function addressOf(template: string, { repo, commit }: Pick<PinnedModel, 'repo' | 'commit'>, { path, digest }: ModelFile): string {
  const values: Record<string, string> = { repo: encodePath(repo), commit, path: encodePath(path), digest: digest.hex }
  return template.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}
