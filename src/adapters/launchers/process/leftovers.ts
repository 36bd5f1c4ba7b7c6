import { join } from 'node:path'
import type { EngineProcess } from '../../../ports/engine-launcher.js'
import { identify, isAlive } from './identity.js'
import { FILES, readRecord, type LaunchRecord } from './record.js'
import { settled } from './state.js'
import { endProcess } from './stop.js'
import { environmentOf, livingProcesses } from './tree.js'

/** Variables of an engine's marker. */
export const MARKER = { key: 'AIM_ENGINE_KEY', dir: 'AIM_ENGINE_DIR' } as const

/**
 * Living processes with the mark of this folder's engines, and what their launches are now. Processes are looked at before records: a launch
 * that is under way has written its own by then, and is settled before it is judged.
 */
export async function engineProcesses(root: string, namespace: string): Promise<EngineProcess[]> {
  const keys = new Map<number, string>()
  const processes = livingProcesses()
  for (const { pid } of processes) {
    const key = markOf(pid, root)
    if (key !== null) keys.set(pid, key)
  }
  // A child without the mark is its parent's.
  for (let grown = true; grown;) {
    grown = false
    for (const { pid, ppid } of processes) {
      const key = keys.get(ppid)
      if (key === undefined || keys.has(pid)) continue
      keys.set(pid, key)
      grown = true
    }
  }
  const ours = [...keys].filter(([, key]) => key.startsWith(`${namespace}/`))
  const engines = new Map(
    await Promise.all([...new Set(ours.map(([, key]) => key))].map(async (key) => [key, await engineAt(root, key)] as const)),
  )
  return ours.map(([pid, engine]) => ({ pid, engine, live: false, gpus: null, ...engines.get(engine) }))
}

/** Ends those of `pids` that belong to engines that do not run. Answers them. */
export async function reapLeftovers(root: string, namespace: string, pids: readonly number[]): Promise<number[]> {
  const dead = (await engineProcesses(root, namespace)).filter(({ pid, live }) => !live && pids.includes(pid))
  const identities = dead.flatMap(({ pid }) => {
    try {
      return [identify(pid)]
    } catch {
      return [] // it has ended meanwhile
    }
  })
  await Promise.all(identities.map(endProcess))
  return identities.filter((identity) => !isAlive(identity)).map(({ pid }) => pid)
}

/** The key that a process was marked with, when it is of this folder. */
function markOf(pid: number, root: string): string | null {
  const environment = environmentOf(pid)
  if (!environment.includes(`${MARKER.dir}=${root}`)) return null
  const entry = environment.find((one) => one.startsWith(`${MARKER.key}=`))
  return entry === undefined ? null : entry.slice(MARKER.key.length + 1)
}

async function engineAt(root: string, key: string): Promise<Pick<EngineProcess, 'live' | 'gpus'>> {
  // A key of ours is path-safe; anybody may write an environment.
  if (key.split('/').some((part) => !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(part))) return { live: false, gpus: null }
  const folder = join(root, key)
  const { phase } = await settled(folder)
  const launched = await readRecord<LaunchRecord>(folder, FILES.launch)
  return { live: phase === 'running', gpus: launched?.spec.gpus ?? null }
}
