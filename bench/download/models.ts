import { randomFillSync } from 'node:crypto'
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const MIB = 1 << 20

/** One large file and small ones. */
export const BIG = { repo: 'bench/big', file: 'model.safetensors', bytes: 2048 * MIB }
/** Four shards. */
export const SHARDS = { repo: 'bench/shards', bytes: 4 * 512 * MIB }
/** One file of 50 GB that holds nothing but zeros, and takes no room where it is served from. */
export const SPARSE = { repo: 'bench/sparse', bytes: 50_000_000_000 }

/** Writes the models into `dir`, of random bytes, so that no file system or server makes them smaller. */
export function writeModels(dir: string): void {
  writeFile(dir, BIG.repo, BIG.file, BIG.bytes)
  for (let index = 0; index < 8; index += 1) writeFile(dir, BIG.repo, `part-${index}.json`, 5_000 + index)
  for (let index = 1; index <= 4; index += 1) writeFile(dir, SHARDS.repo, `model-${index}.safetensors`, SHARDS.bytes / 4)
  writeFileSync(join(dir, SHARDS.repo, 'config.json'), '{}')
}

export function writeSparse(dir: string, bytes: number): void {
  mkdirSync(join(dir, SPARSE.repo), { recursive: true })
  const path = join(dir, SPARSE.repo, 'model.safetensors')
  writeFileSync(path, '')
  truncateSync(path, bytes)
}

function writeFile(dir: string, repo: string, name: string, bytes: number): void {
  mkdirSync(join(dir, repo), { recursive: true })
  const fd = openSync(join(dir, repo, name), 'w')
  const block = Buffer.alloc(Math.min(bytes, MIB))
  for (let at = 0; at < bytes; at += block.length) writeSync(fd, randomFillSync(block), 0, Math.min(block.length, bytes - at))
  closeSync(fd)
}
