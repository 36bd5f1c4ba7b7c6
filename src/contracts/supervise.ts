import { z } from 'zod'
import type { EndpointRevision, EndpointView, Operation, Replica } from './endpoint.js'
import { EndpointName, NodeId } from './names.js'

/** All that an endpoint's own workflow knows, carried over continue-as-new. */
export type Supervision = {
  /** Number of the newest operation; grows over all lives of an endpoint, because engines are named after it. */
  fence: number
  operation: Operation | null
  revision: EndpointRevision | null
  replica: Replica | null
  /** The engine is another's concern for now: a new one takes its place. */
  standingDown: boolean
  retired: boolean
  restarts: number
  lastRestart: EndpointView['lastRestart']
  /** Times of engine deaths that still count, in ms since the epoch. */
  deathsMs: number[]
  /** Why it does not serve; null when it does. */
  reason: string | null
  /** Given up: only a person's next step brings it back. */
  degraded: boolean
}

/** Input of `superviseEndpoint`. `carried` is the workflow's own, from one of its runs to the next. */
export const SuperviseInput = z.strictObject({ endpoint: EndpointName, carried: z.custom<Supervision>().optional() })

export const ManageNodeInput = z.strictObject({ nodeId: NodeId })
