/** A process that owns a server, for tests that end it the hard way. `node --import <loader> owner.ts <options as JSON>` */
import { startTemporal } from '../../src/embedded/server.js'

const server = await startTemporal(JSON.parse(process.argv[2]!))
process.stdout.write(`${JSON.stringify({ pid: server.pid })}\n`)
setInterval(() => {}, 60_000)
