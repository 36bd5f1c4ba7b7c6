import { engineKeyName } from '../src/domain/engine.js'
import type { ReportedMemory } from '../src/domain/measurement.js'
import type { Replica } from '../src/contracts/endpoint.js'
import { longOnNode, onNode } from './activities.js'
import { rootFailure, type Attempt } from './record.js'

type Engine = Pick<Replica, 'key' | 'spec' | 'nodeId' | 'simulated' | 'weightBytes'> & { recipe: string }
export type Proof = { text: string; tokens: number; ms: number }
export type ReadyEngine = { replica: Replica; proof: Proof; memory: ReportedMemory | null }

/** One try: start the engine, then wait for the answer that proves it. Each try stays in the history, with the log of one that failed. */
export class EngineAttempt {
  private readonly record: Attempt

  constructor(
    private readonly engine: Engine,
    attempts: Attempt[],
  ) {
    const startedAt = new Date().toISOString()
    const { recipe, nodeId: node, key } = engine
    const none = { argv: [], env: {}, failure: null, logTail: [] }
    this.record = {
      number: attempts.length + 1,
      recipe,
      node,
      engine: engineKeyName(key),
      outcome: 'failed',
      ...none,
      startedAt,
      endedAt: startedAt,
    }
    attempts.push(this.record)
  }

  /** Starts the engine, or finds it running: the step may be repeated. Answers its port, which it keeps over restarts. */
  launch(): Promise<number | undefined> {
    return this.kept(async () => {
      const { key, spec, nodeId } = this.engine
      const { state, argv, env } = await onNode(nodeId).launchEngine({ key, spec })
      Object.assign(this.record, { argv, env })
      if (state.phase === 'running') spec.port = state.port
      return spec.port
    })
  }

  prove(): Promise<ReadyEngine> {
    return this.kept(async () => {
      const { key, spec, nodeId, simulated, weightBytes } = this.engine
      const { url, pid, memory, ...proof } = await longOnNode(nodeId).proveReady({ key, spec })
      this.record.outcome = 'ready'
      return { replica: { key, nodeId, ...(simulated === true && { simulated }), spec, url, pid, weightBytes }, proof, memory }
    })
  }

  private async kept<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step()
    } catch (error) {
      const { type, details } = rootFailure(error)
      this.record.failure = String(details['failure'] ?? type)
      this.record.logTail = String(details['logTail'] ?? '').split('\n')
      throw error
    } finally {
      this.record.endedAt = new Date().toISOString()
    }
  }
}
