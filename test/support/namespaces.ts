import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const LOADER = fileURLToPath(new URL('./typescript-loader.mjs', import.meta.url))

/** Machines on one network: each a network namespace of its own, joined to a bridge that stands in one as well. */
export type Network = {
  /** Address of a machine. */
  address(name: string): string
  /** What stands before a command that is to run on it. Unlike `ip netns exec` it shares our mounts. */
  enter(name: string): string[]
  /** Runs a TypeScript file on it. */
  start(name: string, file: URL, args: string[], env?: Record<string, string>): Resident
  /** The command that pulls or plugs its cable, without the last word: `up` or `down`. */
  cable(name: string): string[]
  /** Pulls or plugs its cable. */
  link(name: string, state: 'up' | 'down'): void
  /** Ends what runs there, and removes it all. */
  close(): Promise<void>
}

/** A process on a machine, which answers each JSON line with one of its own. */
export type Resident = {
  ask(question: unknown): Promise<unknown>
  /** The next line that it prints by itself, or in answer. */
  next(): Promise<unknown>
  kill(signal: NodeJS.Signals): Promise<void>
}

/** Why machines of their own cannot be had here; null: they can. */
export function whyNoNetwork(): string | null {
  if (process.getuid?.() !== 0) return 'needs root'
  try {
    createNetwork(['probe']).remove()
    return null
  } catch (error) {
    return `needs network namespaces: ${(error as Error).message.split('\n').at(-2) ?? ''}`
  }
}

let created = 0

export function openNetwork(names: string[]): Network {
  const { addresses, namespace, remove } = createNetwork(names)
  const children: ChildProcess[] = []
  process.once('exit', remove) // also when a test ends the process
  return {
    address: (name) => addresses.get(name) ?? '',
    enter: (name) => ['nsenter', `--net=/run/netns/${namespace(name)}`],
    cable: (name) => ['ip', '-n', namespace(name), 'link', 'set', 'eth0'],
    link: (name, state) => ip('-n', namespace(name), 'link', 'set', 'eth0', state),
    start(name, file, args, env = {}) {
      const argv = ['netns', 'exec', namespace(name), process.execPath, '--import', LOADER, fileURLToPath(file), ...args]
      const child = spawn('ip', argv, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] })
      children.push(child)
      return resident(child, name)
    },
    async close() {
      await Promise.all(children.map((child) => kill(child, 'SIGKILL')))
      process.off('exit', remove)
      remove()
    },
  }
}

function createNetwork(names: string[]): { addresses: Map<string, string>; namespace(name: string): string; remove(): void } {
  removeDead()
  const prefix = `aim-${process.pid}-${(created += 1)}`
  const namespace = (name: string): string => `${prefix}-${name}`
  const made: string[] = []
  const remove = (): void => {
    for (const name of made.splice(0)) ip('netns', 'del', name)
  }
  const make = (name: string): void => {
    ip('netns', 'add', name)
    made.push(name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
  }
  const addresses = new Map<string, string>()
  try {
    const bridge = namespace('bridge')
    make(bridge)
    ip('-n', bridge, 'link', 'add', 'br0', 'type', 'bridge')
    ip('-n', bridge, 'link', 'set', 'br0', 'up')
    for (const [index, name] of names.entries()) {
      const machine = namespace(name)
      make(machine)
      ip('-n', bridge, 'link', 'add', `v${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', machine)
      ip('-n', bridge, 'link', 'set', `v${index}`, 'master', 'br0', 'up')
      ip('-n', machine, 'addr', 'add', `10.77.0.${index + 1}/24`, 'dev', 'eth0')
      ip('-n', machine, 'link', 'set', 'eth0', 'up')
      addresses.set(name, `10.77.0.${index + 1}`)
    }
  } catch (error) {
    remove()
    throw error
  }
  return { addresses, namespace, remove }
}

/** What a run that was killed left. */
function removeDead(): void {
  for (const line of ip('netns', 'list').split('\n')) {
    const [name = '', pid] = /^aim-(\d+)-\S+/.exec(line) ?? []
    if (pid !== undefined && !isRunning(Number(pid))) ip('netns', 'del', name)
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false // nobody
  }
}

function ip(...argv: string[]): string {
  return execFileSync('ip', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function resident(child: ChildProcess, name: string): Resident {
  const { stdin, stdout } = child
  if (stdin === null || stdout === null) throw new Error(`${name} did not start`)
  const lines = createInterface(stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error(`what runs on ${name} ended`)
    return JSON.parse(value) as unknown
  }
  return {
    next,
    ask(question) {
      stdin.write(`${JSON.stringify(question)}\n`)
      return next()
    },
    kill: (signal) => kill(child, signal),
  }
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'close')
}
