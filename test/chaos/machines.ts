import { execFileSync } from 'node:child_process'
import { openNetwork } from '../support/namespaces.js'

/** Where the machines of a cluster stand. Data, so that it can be handed to the process that runs on one of them. */
/** `bind`: where a Temporal server on the first listens; its parts reach each other by loopback, whatever it is told. */
export type Machines = { control: string; bind: string; nodes: Record<string, { address: string; enter: string[]; cable: string[] }> }

const CONTROL = 'control'

/**
 * Makes machines of their own on one network, and runs `body` with them and with what stands before a command on the first. They are gone
 * when it has ended.
 */
export async function withMachines<T>(names: readonly string[], body: (machines: Machines, enter: string[]) => Promise<T>): Promise<T> {
  const network = openNetwork([CONTROL, ...names])
  try {
    const nodes = Object.fromEntries(
      names.map((name) => [name, { address: network.address(name), enter: network.enter(name), cable: network.cable(name) }]),
    )
    return await body({ control: network.address(CONTROL), bind: '0.0.0.0', nodes }, network.enter(CONTROL))
  } finally {
    await network.close()
  }
}

/** Pulls or plugs the cable of a machine. */
export function setLink(machines: Machines, node: string, state: 'up' | 'down'): void {
  const [command = '', ...argv] = machines.nodes[node]?.cable ?? []
  execFileSync(command, [...argv, state], { stdio: 'pipe' })
}

/** All on loopback: nobody can be cut off. */
export function onOneMachine(names: readonly string[]): Machines {
  const nodes = Object.fromEntries(names.map((name) => [name, { address: '127.0.0.1', enter: [], cable: [] }]))
  return { control: '127.0.0.1', bind: '127.0.0.1', nodes }
}
