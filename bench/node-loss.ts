import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { median, round, type Bench } from './figure.js'

const BAR_S = 20
/** From `dist/bench`: it is a program of the tests, because it cuts machines off the network as they do. */
const [LOADER, PROGRAM] = ['../../test/support/typescript-loader.mjs', '../../test/chaos/node-loss.ts'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
) as [string, string]

/** How long nobody serves when a node is gone, grace time included. */
export const nodeLoss: Bench = {
  name: 'node-loss',
  about: 'a node is cut off, until a replica on another warm node completes a request (test engine; needs root)',
  async run(note) {
    const child = spawn(process.execPath, ['--import', LOADER, PROGRAM], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => note(chunk.toString().trimEnd()))
    const [code] = (await once(child, 'close')) as [number | null]
    if (code !== 0) throw new Error(`${PROGRAM} ended with ${code}`)
    const { seconds, graceSeconds } = JSON.parse(said) as { seconds: number[]; graceSeconds: number }
    note(`median ${round(median(seconds))} s`)
    const slowest = round(Math.max(...seconds))
    return [
      {
        name: `node lost to serving on another, slowest of ${seconds.length}`,
        value: slowest,
        unit: 's',
        peer: { name: 'grace time', value: graceSeconds },
        bar: `<= ${BAR_S} s`,
        holds: slowest <= BAR_S,
      },
    ]
  },
}
