import { NativeConnection } from '@temporalio/worker'
import { AimError } from '../contracts/errors.js'

/** The workers' connection. Throws AimError `TemporalUnreachable`. */
export async function connectWorkers(address: string): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect({ address })
  } catch (error) {
    throw new AimError('TemporalUnreachable', { address }, { cause: error })
  }
}
