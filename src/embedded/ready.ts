import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Connection, isGrpcServiceError } from '@temporalio/client'
import { ensureSearchAttributes } from './search-attributes.js'

type Place = { host: string; port: number; uiPort: number; namespace: string }

/**
 * Waits until the server answers for the namespace, knows our search attributes and serves its page. Throws the signal's reason when
 * that comes first. The ports are asked first: gRPC waits a whole second after a refused connection, and a server is up in a third of that.
 */
export async function untilReady({ host, port, uiPort, namespace }: Place, signal: AbortSignal): Promise<void> {
  for (const each of [uiPort, port]) while (!(await accepts(host, each))) await sleep(20, undefined, { signal })
  const connection = Connection.lazy({ address: `${host}:${port}` })
  try {
    while (!(await answers(connection, namespace))) await sleep(20, undefined, { signal })
    await ensureSearchAttributes(connection, namespace)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    await connection.close()
  }
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}

async function answers(connection: Connection, namespace: string): Promise<boolean> {
  try {
    await connection.withDeadline(Date.now() + 2_000, () => connection.workflowService.describeNamespace({ namespace }))
    return true
  } catch (error) {
    if (isGrpcServiceError(error)) return false // still starting; the caller's signal bounds how long
    throw error
  }
}
