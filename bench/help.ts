import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { median, round, type Bench } from './figure.js'

const RUNS = 15
const AIM = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

/** Start of the CLI against an empty Node program, turn by turn. */
export const help: Bench = {
  name: 'help',
  about: '`aim --help` against `node -e 0`',
  async run() {
    const times = { help: [] as number[], node: [] as number[] }
    for (let run = 0; run < RUNS; run += 1) {
      times.node.push(timeOf(['-e', '0']))
      times.help.push(timeOf([AIM, '--help']))
    }
    const [value, peer] = [median(times.help), median(times.node)]
    return [
      {
        name: 'aim --help',
        value: round(value),
        unit: 'ms',
        peer: { name: 'node -e 0', value: round(peer) },
        bar: '<= 4x',
        holds: value <= 4 * peer,
      },
    ]
  },
}

function timeOf(argv: string[]): number {
  const start = performance.now()
  const { status } = spawnSync(process.execPath, argv, { stdio: 'ignore' })
  if (status !== 0) throw new Error(`node ${argv.join(' ')} ended with ${status}`)
  return performance.now() - start
}
