/** A process of its own that says who it is and waits to be killed. */
import { ownIdentity } from '../../src/adapters/weights/process-identity.js'

process.stdout.write(`${JSON.stringify(ownIdentity())}\n`)
setInterval(() => {}, 60_000)
