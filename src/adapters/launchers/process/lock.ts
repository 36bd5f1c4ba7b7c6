import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { AimError } from '../../../contracts/errors.js'

const POLL_MS = 10
const WAIT_MS = 60_000

/**
 * Runs `work` while no other process on this machine runs any under the same name. The lock is a socket in Linux's abstract
 * namespace: the kernel frees it with its owner however that ends, so there is no stale lock to judge.
 * @throws AimError `Internal` when it is not free within a minute.
 */
export async function withLock<T>(name: string, work: () => Promise<T>): Promise<T> {
  const lock = await acquire(`\0aim-${createHash('sha256').update(name).digest('hex')}`)
  try {
    return await work()
  } finally {
    await new Promise((resolve) => lock.close(resolve))
  }
}

async function acquire(path: string): Promise<Server> {
  const deadline = performance.now() + WAIT_MS
  for (;;) {
    const server = await listen(path)
    if (server !== null) return server
    if (performance.now() > deadline) throw new AimError('Internal', { reason: 'another launch on this node does not end' })
    await sleep(POLL_MS)
  }
}

/** Null when somebody else holds it. */
function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)))
    server.listen({ path, exclusive: true }, () => resolve(server))
  })
}
