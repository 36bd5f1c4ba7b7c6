import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A folder that is gone after the test. */
export async function temporaryFolder(prefix = 'aim-test-'): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

/** Writes a model of random weights and a few small files under `<dir>/<repo>`, and returns what was written. */
export async function writeSampleModel(dir: string, repo: string, weightBytes: number): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>([
    ['config.json', Buffer.from('{"model_type":"llama"}\n')],
    ['tokenizer/merges.txt', Buffer.from('#version: 0.2\n')],
    ['empty.txt', Buffer.alloc(0)],
    ['model.safetensors', randomBytes(weightBytes)],
  ])
  for (const [path, content] of files) {
    await mkdir(dirname(join(dir, repo, path)), { recursive: true })
    await writeFile(join(dir, repo, path), content)
  }
  return files
}

export const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
export const gitSha1 = (content: Buffer): string => createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
