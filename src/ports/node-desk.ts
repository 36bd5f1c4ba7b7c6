import type { Registered } from '../contracts/node-owner.js'
import type { StuckGpu } from '../domain/lease.js'

/** The node worker's arm to the owner of its own node. `turn` is the attendance that it speaks for. */
export interface NodeDesk {
  /** Says what the node is. The answer names what may go on running here. */
  register(turn: number): Promise<Registered>
  /** Nothing runs here any more that has no lease: the node may be given work, but for GPUs whose memory stays taken. */
  arrive(turn: number, stuck: StuckGpu[]): Promise<void>
  /** The attendance has ended. */
  leave(turn: number): void
}
