/**
 * A hub on a machine of its own. Prints its address, and answers each line with the bytes of files that it has sent.
 * Run as: node --import typescript-loader.mjs hub-child.ts <folder> <address>
 */
import { createInterface } from 'node:readline'
import { startMisbehavingHub } from './misbehaving-hub.js'

const [dir = '', host = ''] = process.argv.slice(2)
const hub = await startMisbehavingHub(dir, { host })
print({ url: hub.url })
for await (const _ of createInterface(process.stdin)) print({ sentBytes: hub.sentBytes(/\/resolve\//) })
await hub.close()

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
