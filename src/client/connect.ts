import { userInfo, hostname } from 'node:os'
import { Client, Connection } from '@temporalio/client'
import { AimError } from '../contracts/errors.js'
import { createAimClient } from './aim-client.js'
import type { AimClient } from './types.js'

/** Connects to a Temporal cluster as the person at this terminal. Throws AimError `TemporalUnreachable`. */
export async function connectAim({ address, namespace }: { address: string; namespace: string }): Promise<AimClient> {
  const connection = await connect(address)
  const identity = `${userInfo().username}@${hostname()}`
  return createAimClient(new Client({ connection, namespace, identity }), () => connection.close())
}

async function connect(address: string): Promise<Connection> {
  try {
    return await Connection.connect({ address, connectTimeout: '3 s' })
  } catch (error) {
    throw new AimError('TemporalUnreachable', { address }, { cause: error })
  }
}
