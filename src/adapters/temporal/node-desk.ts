import { WorkflowNotFoundError, type Client } from '@temporalio/client'
import { isAimError } from '../../contracts/errors.js'
import { NODE_UPDATES, type Arrival, type Registered, type Registration } from '../../contracts/node-owner.js'
import { workflowIds } from '../../contracts/workflow-ids.js'
import type { NodeDesk } from '../../ports/node-desk.js'
import { clearFreed, type GpuMemory } from './freed-gpus.js'
import { registerNode } from './nodes.js'

export type OpenDesk = NodeDesk & {
  /**
   * Makes the node known and waits until it is attended. `accepted` is called in between: from here on this process is the node.
   * @throws AimError `NodeTaken` while another machine runs it.
   */
  open(accepted?: () => Promise<void>): Promise<void>
  /** Never settles while the node is ours. @throws AimError `NodeTaken` once another machine runs it. */
  untilTaken(): Promise<never>
  /** The node is not made known any more. */
  close(): void
}

/** How often it is looked whether the node is still known and attended: somebody may have ended its workflow by hand, or another may be it. */
const LOOK_MS = 10_000
/** Every so many looks it is also looked whether its GPUs are still what the cluster knows. */
const LOOKS_PER_INVENTORY = 6

/** `describe` is asked anew for each announcement: GPUs come and go. `gpus`: their memory now, for those that are kept away until it is free. */
export function createNodeDesk(
  client: Client,
  describe: () => Promise<Omit<Registration, 'turn'>>,
  gpus: () => Promise<GpuMemory[]> = async () => [],
): OpenDesk {
  const announced = settledLater<Registration>()
  const attended = settledLater<void>()
  const taken = settledLater<never>()
  for (const { promise } of [announced, taken]) promise.catch(() => undefined) // told by `open` and `untilTaken`

  let timer: NodeJS.Timeout | null = null
  let attendance: number | null = null
  let told = ''
  let known: Omit<Registration, 'turn'> | null = null
  let looks = 0

  async function announce(): Promise<Registration> {
    known = await describe()
    const registration = { ...known, turn: null }
    await registerNode(client, registration)
    told = inventoryOf(registration)
    return registration
  }

  /** What fails now is tried at the next look. */
  async function look(nodeId: string): Promise<void> {
    looks += 1
    const isAttended = attendance !== null && (await isKnown(nodeId))
    const isChanged = async () => looks % LOOKS_PER_INVENTORY === 0 && inventoryOf(await describe()) !== told
    if (!isAttended || (await isChanged())) await announce()
    else await clearFreed(client, nodeId, gpus)
  }

  async function isKnown(nodeId: string): Promise<boolean> {
    try {
      return (await client.workflow.getHandle(workflowIds.node(nodeId)).describe()).status.name === 'RUNNING'
    } catch (error) {
      return !(error instanceof WorkflowNotFoundError)
    }
  }

  /** Whoever is refused now has a successor elsewhere: it must not go on taking that one's work. */
  async function lookAgain(nodeId: string): Promise<void> {
    try {
      await look(nodeId)
    } catch (error) {
      if (isAimError(error) && error.code === 'NodeTaken') taken.reject(error)
    }
  }

  return {
    async open(accepted) {
      try {
        const registration = await announce()
        announced.resolve(registration)
        timer ??= setInterval(() => void lookAgain(registration.nodeId), LOOK_MS)
      } catch (error) {
        announced.reject(error)
        throw error
      }
      await accepted?.()
      await attended.promise
    },

    untilTaken: () => taken.promise,

    close() {
      if (timer !== null) clearInterval(timer)
      timer = null
    },

    /**
     * An attendance may come before our own announcement is through; until then we are not this node. Its owner waits for a word: what was found
     * last is told at once, because a look at the hardware takes seconds.
     */
    async register(turn) {
      const registration = { ...(known ?? (await announced.promise)), turn }
      const { nodeId, instance } = registration
      return client.workflow.getHandle(workflowIds.node(nodeId)).executeUpdate<Registered, [Registration]>(NODE_UPDATES.register, {
        args: [registration],
        updateId: `register-${instance}-${turn}`,
      })
    },

    async arrive(turn, stuck) {
      const { nodeId, instance } = await announced.promise
      await client.workflow.getHandle(workflowIds.node(nodeId)).executeUpdate<void, [Arrival]>(NODE_UPDATES.arrive, {
        args: [{ instance, turn, stuck }],
        updateId: `arrive-${instance}-${turn}`,
      })
      attendance = turn
      attended.resolve()
    },

    leave(turn) {
      if (attendance === turn) attendance = null
    },
  }
}

const inventoryOf = ({ gpus, labels }: Pick<Registration, 'gpus' | 'labels'>): string => JSON.stringify([gpus, labels])

function settledLater<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved
    reject = rejected
  })
  return { promise, resolve, reject }
}
