import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { freePorts } from '../../src/config/free-ports.js'
import { round, type Figure } from '../figure.js'
import { startCountingHub } from './counting-hub.js'
import { SHARDS } from './models.js'

const AIM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
const run = promisify(execFile)
const NODES = ['n1', 'n2', 'n3']
const BAR = 1.05

type Warmed = { outsideBytes: number; nodes: { nodeId: string; outcome: string; fetchedBytes: number }[] }

/** `aim cache warm` on three nodes of one machine, each with a cache of its own: what the hub sent, beside the size of the model. */
export async function nodesFigure(dir: string, folder: string, note: (line: string) => void): Promise<Figure> {
  const hub = await startCountingHub(dir)
  const [temporal = 0, ui = 0, api = 0] = await freePorts(3)
  const envOf = (node: string): NodeJS.ProcessEnv => ({
    ...process.env,
    AIM_NODE_ID: node,
    AIM_HOME: join(folder, node),
    HF_HOME: join(folder, `${node}-hf`),
    HF_ENDPOINT: hub.url,
  })
  const aim = async (...argv: string[]) => (await run(process.execPath, [AIM, ...argv], { env: envOf('n1'), maxBuffer: 2 ** 26 })).stdout
  const others: ChildProcess[] = []
  try {
    await aim('up', '--detach', '--temporal-port', `${temporal}`, '--ui-port', `${ui}`, '--api-port', `${api}`)
    for (const node of NODES.slice(1)) {
      const env = { ...envOf(node), TEMPORAL_ADDRESS: `127.0.0.1:${temporal}` }
      others.push(spawn(process.execPath, [AIM, 'node'], { env, stdio: 'ignore' }))
    }
    await sleep(5_000) // until both are registered
    const warmed = JSON.parse(await aim('cache', 'warm', SHARDS.repo, '--json')) as Warmed
    const whole = warmed.nodes.filter(({ outcome }) => outcome === 'miss').length
    if (whole !== NODES.length) throw new Error(`${whole} of ${NODES.length} nodes were warmed: ${JSON.stringify(warmed.nodes)}`)
    const sent = hub.sentBytes()
    note(`the hub sent ${sent} bytes; the flow says ${warmed.outsideBytes}`)
    const value = round(sent / 1e6)
    const peer = { name: 'size of the model', value: round(SHARDS.bytes / 1e6) }
    return {
      name: `sent from outside to warm ${NODES.length} nodes`,
      value,
      unit: 'MB',
      peer,
      bar: `<= ${BAR}x`,
      holds: sent <= BAR * SHARDS.bytes,
    }
  } finally {
    for (const node of others) {
      if (node.exitCode !== null) continue
      node.kill('SIGTERM')
      await once(node, 'exit')
    }
    await aim('down', '--engines', '--yes')
    await hub.close()
  }
}
