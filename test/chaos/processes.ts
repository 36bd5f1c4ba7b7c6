import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { EngineKey } from '../../src/domain/engine.js'
import { waitFor } from '../support/wait-for.js'
import type { RunningEngine } from './invariants.js'

type Marked = { pid: number; env: Record<string, string> }

/** Processes that name the folder in their environment, whoever started them; not this one. */
function markedProcesses(root: string): Marked[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/environ`, 'utf8')
        if (!text.includes(root) || isZombie(pid)) return []
        const env = Object.fromEntries(
          text.split('\0').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
        )
        return [{ pid: Number(pid), env }]
      } catch {
        return [] // it ended while we looked
      }
    })
}

function isZombie(pid: string): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z'
}

/** Engines of all nodes, by the mark that their launcher gave them: it names the folder of their records, which lies in their node's own. */
export function runningEngines(root: string): RunningEngine[] {
  const engines = new Map<string, RunningEngine>()
  for (const { pid, env } of markedProcesses(root)) {
    const { AIM_ENGINE_KEY: name, AIM_ENGINE_DIR: dir, HIP_VISIBLE_DEVICES: gpus } = env
    if (name === undefined || dir === undefined) continue
    const nodeId = basename(dirname(dirname(dir)))
    const id = `${nodeId} ${name}`
    const engine = engines.get(id) ?? { nodeId, key: keyOf(name), gpus: [], pids: [] }
    engine.pids.push(pid)
    if (gpus !== undefined && gpus !== '') engine.gpus = gpus.split(',').map(Number)
    engines.set(id, engine)
  }
  return [...engines.values()]
}

function keyOf(name: string): EngineKey {
  const [namespace = '', endpoint = '', replica, fence, launch] = name.split('/')
  return { namespace, endpoint, replica: Number(replica), fence: Number(fence), launch: Number(launch) }
}

/** Ends everything that names the folder, by pid. */
export async function endMarked(root: string): Promise<void> {
  await waitFor('the end of all processes', () => {
    const left = markedProcesses(root)
    for (const { pid } of left) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
    return left.length === 0
  })
}

/** Takes away what is mounted below the folder. */
export function unmountBelow(root: string): void {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
  for (const path of mounts.filter((path) => path.startsWith(`${root}/`))) execFileSync('umount', [path], { stdio: 'ignore' })
}
