import { createHash, type Hash } from 'node:crypto'
import type { ModelFile } from '../contracts/model.js'

/** The hash that a hub names this file by, before its first byte: sha256, or git's blob sha1, which begins with the size. */
export function startHash({ digest, size }: Pick<ModelFile, 'digest' | 'size'>): Hash {
  return digest.kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`)
}
