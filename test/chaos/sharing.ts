import { engineKeyName } from '../../src/domain/engine.js'
import type { Facts } from './invariants.js'
import { runningEngines } from './processes.js'

const LOOK_MS = 200

/** Looks all the time whether two engines have one GPU at the same moment: what nobody sees afterwards. */
export function watchSharing(root: string): { found: Facts['shared']; close(): void } {
  const found: Facts['shared'] = []
  const timer = setInterval(() => {
    const users = new Map<string, { nodeId: string; gpu: number; engines: string[] }>()
    for (const { nodeId, key, gpus } of runningEngines(root)) {
      for (const gpu of gpus) {
        const id = `${nodeId} ${gpu}`
        const user = users.get(id) ?? { nodeId, gpu, engines: [] }
        user.engines.push(engineKeyName(key))
        users.set(id, user)
      }
    }
    for (const user of users.values()) {
      const known = found.some(({ nodeId, gpu }) => nodeId === user.nodeId && gpu === user.gpu)
      if (user.engines.length > 1 && !known) found.push(user)
    }
  }, LOOK_MS)
  return { found, close: () => clearInterval(timer) }
}
