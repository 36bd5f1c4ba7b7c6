import { homedir } from 'node:os'
import { join } from 'node:path'
import { sampleWeights } from '../../src/quickstart/sample-weights.js'
import { underLock } from './tool-lock.js'

/** Path of a small real model, verified; fetched once per machine into the tools' cache. */
export async function smollm2(): Promise<string> {
  const cacheDir = process.env['AIM_CACHE_DIR'] ?? join(homedir(), '.cache', 'aim-engine')
  return underLock(join(cacheDir, 'models', 'lock'), async () => (await sampleWeights({ cacheDir })).file)
}
