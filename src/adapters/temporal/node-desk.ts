import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import { NODE_UPDATES, type Arrival, type Registered, type Registration } from '../../contracts/node-owner.js'
import { workflowIds } from '../../contracts/workflow-ids.js'
import type { NodeDesk } from '../../ports/node-desk.js'
import { clearFreed, type GpuMemory } from './freed-gpus.js'
import { registerNode } from './nodes.js'

export type OpenDesk = NodeDesk & {
  /** Makes the node known and waits until it is attended. @throws AimError `NodeTaken` while another machine runs it. */
  open(): Promise<void>
  /** The node is not made known any more. */
  close(): void
}

/** How often it is looked whether the node is still known: somebody may have ended its workflow by hand. */
const LOOK_MS = 10_000

/** `describe` is asked anew each time: GPUs come and go. `gpus`: their memory now, for those that are kept away until it is free. */
export function createNodeDesk(
  client: Client,
  describe: () => Promise<Omit<Registration, 'turn'>>,
  gpus: () => Promise<GpuMemory[]> = async () => [],
): OpenDesk {
  const announced = settledLater<Registration>()
  const attended = settledLater<void>()
  announced.promise.catch(() => undefined) // told by `open`

  let timer: NodeJS.Timeout | null = null

  async function announce(): Promise<Registration> {
    const registration = { ...(await describe()), turn: null }
    await registerNode(client, registration)
    return registration
  }

  /** What fails now is tried at the next look. */
  async function look(nodeId: string): Promise<void> {
    const known = await client.workflow
      .getHandle(workflowIds.node(nodeId))
      .describe()
      .then(
        ({ status }) => status.name === 'RUNNING',
        (error: unknown) => !(error instanceof WorkflowNotFoundError),
      )
    if (known) await clearFreed(client, nodeId, gpus)
    else await announce()
  }

  return {
    async open() {
      try {
        const registration = await announce()
        announced.resolve(registration)
        timer ??= setInterval(() => void look(registration.nodeId).catch(() => undefined), LOOK_MS)
      } catch (error) {
        announced.reject(error)
        throw error
      }
      await attended.promise
    },

    close() {
      if (timer !== null) clearInterval(timer)
      timer = null
    },

    /** An attendance may come before our own announcement is through; until then we are not this node. */
    async register(turn) {
      await announced.promise
      const registration = { ...(await describe()), turn }
      const { nodeId, instance } = registration
      return client.workflow.getHandle(workflowIds.node(nodeId)).executeUpdate<Registered, [Registration]>(NODE_UPDATES.register, {
        args: [registration],
        updateId: `register-${instance}-${turn}`,
      })
    },

    async arrive(turn) {
      const { nodeId, instance } = await announced.promise
      await client.workflow.getHandle(workflowIds.node(nodeId)).executeUpdate<void, [Arrival]>(NODE_UPDATES.arrive, {
        args: [{ instance, turn }],
        updateId: `arrive-${instance}-${turn}`,
      })
      attended.resolve()
    },
  }
}

function settledLater<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved
    reject = rejected
  })
  return { promise, resolve, reject }
}
