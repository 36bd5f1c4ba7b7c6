import { createHub } from '../../../src/adapters/hub/create-hub.js'
import type { ModelFile, PinnedModel } from '../../../src/contracts/model.js'
import type { FileLocation } from '../../../src/ports/hub.js'
import type { WeightSource } from '../../../src/ports/weight-source.js'
import { sha256 } from '../../support/sample-model.js'

export const REPO = 'acme/tiny'
export const COMMIT = 'c'.repeat(40)
export const MODEL = { repo: REPO, commit: COMMIT }

export const fileOf = (content: Buffer, path = 'model.safetensors'): ModelFile => ({
  path,
  size: content.length,
  digest: { kind: 'sha256', hex: sha256(content) },
})

export async function pinAt(
  endpoint: string,
  path = 'model.safetensors',
  token: string | null = null,
): Promise<{ model: PinnedModel; file: ModelFile }> {
  const model = await createHub({ endpoint, token: async () => token }).pin(REPO, 'main')
  const file = model.files.find((file) => file.path === path)
  if (file === undefined) throw new Error(`no ${path}`)
  return { model, file }
}

/** A chunk is only good until the next one, so each is copied. */
export async function readAll(source: WeightSource, location: FileLocation, range = { start: 0, end: location.size - 1 }): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of await source.read(location, range)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** Locates and reads a file; null: it is not there. */
export async function bring(source: WeightSource, model: typeof MODEL, file: ModelFile): Promise<Buffer | null> {
  const location = await source.locate(model, file)
  return location === null ? null : readAll(source, location)
}

/** A comparison of large buffers byte by byte takes seconds. */
export const same = (bytes: Buffer | null, expected: Buffer): boolean => bytes !== null && bytes.equals(expected)
