import { createServer } from 'node:net'
import { AimError } from '../contracts/errors.js'

/**
 * Checks that nothing listens on this address. `setting` is the variable that would choose another port.
 * @throws AimError `PortTaken` naming the port and the setting.
 */
export async function assertPortFree(host: string, port: number, setting: string): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen({ host, port, exclusive: true }, resolve))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new AimError('PortTaken', { port: `${port} (${setting})`, host }, { cause: error })
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}
