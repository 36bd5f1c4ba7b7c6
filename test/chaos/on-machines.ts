import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findFakeTime } from './clock.js'
import { whyNoNetwork } from '../support/namespaces.js'
import { onOneMachine, withMachines, type Machines } from './machines.js'
import { endMarked, unmountBelow } from './processes.js'
import { NODES } from './schedule.js'

const LOADER = fileURLToPath(new URL('../support/typescript-loader.mjs', import.meta.url))
/** How the program that runs on the first machine is told where it is. */
const [MACHINES, ROOT] = ['AIM_CHAOS_MACHINES', 'AIM_CHAOS_ROOT']

/** Runs `work` on the first of a few machines, with a folder for all that it writes. Answers its exit code. */
export async function onMachines(work: (machines: Machines, root: string) => Promise<number>): Promise<number> {
  const [machines, root] = [process.env[MACHINES], process.env[ROOT]]
  return machines === undefined || root === undefined ? outside() : work(JSON.parse(machines) as Machines, root)
}

/** Makes the machines, runs this very program on the first of them, and leaves nothing of it, however it ended. */
async function outside(): Promise<number> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'aim-chaos-')))
  try {
    // The machines have no way to packages.
    findFakeTime()
    const why = whyNoNetwork()
    if (why !== null) process.stderr.write(`no machines of their own: ${why}; nodes are not cut off\n`)
    return why === null
      ? await withMachines(NODES, (machines, enter) => inside(machines, enter, root))
      : await inside(onOneMachine(NODES), [], root)
  } finally {
    await endMarked(root)
    unmountBelow(root)
    rmSync(root, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function inside(machines: Machines, enter: string[], root: string): Promise<number> {
  const [command = '', ...argv] = [...enter, process.execPath, '--import', LOADER, ...process.argv.slice(1)]
  const env = { ...process.env, [MACHINES]: JSON.stringify(machines), [ROOT]: root }
  const child = spawn(command, argv, { env, stdio: 'inherit' })
  const stop = (): void => void child.kill('SIGTERM')
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, stop)
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}
