import { AimError } from '../../contracts/errors.js'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import type { Hub } from '../../ports/hub.js'
import { startHash } from '../start-hash.js'

/** Configurations are some kB; an index of a thousand shards is 5 MB. */
const MOST_BYTES = 32 * 2 ** 20

/** One small file as text, whole and proved by its digest. Throws AimError `DigestMismatch`, `HubProtocol` for one that is not small. */
export async function readText(
  hub: Pick<Hub, 'locate' | 'read'>,
  model: PinnedModel,
  file: ModelFile,
  signal?: AbortSignal,
): Promise<string> {
  if (file.size > MOST_BYTES)
    throw new AimError('HubProtocol', { hub: 'the hub', what: file.path, reason: `${file.size} bytes for a configuration` })
  if (file.size === 0) return ''
  const location = await hub.locate(model, file, signal)
  const chunks: Buffer[] = []
  for await (const chunk of await hub.read(location, { start: 0, end: file.size - 1 }, signal)) chunks.push(Buffer.from(chunk)) // its memory is used again
  const content = Buffer.concat(chunks)
  const actual = startHash(file).update(content).digest('hex')
  if (actual !== file.digest.hex) throw new AimError('DigestMismatch', { file: file.path, expected: file.digest.hex, actual })
  return content.toString('utf8')
}
