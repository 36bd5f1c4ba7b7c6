import { isCancellation } from '@temporalio/workflow'
import { engineKeyName, type EngineKey, type EngineSpec } from '../src/domain/engine.js'
import type { ReportedMemory } from '../src/domain/measurement.js'
import type { Candidate } from '../src/domain/plan.js'
import type { Replica } from '../src/contracts/endpoint.js'
import { longOnNode, onNode } from './activities.js'
import { whyItFailed, type Attempt } from './record.js'

export type Proof = { text: string; tokens: number; ms: number }
export type ReadyEngine = { replica: Replica; proof: Proof; memory: ReportedMemory | null }

/** One try of one candidate, as it stays in the history: with its command, and with the log of one that failed. */
export class EngineAttempt {
  readonly record: Attempt

  constructor(
    private readonly candidate: Candidate,
    private under: EngineKey,
    number: number,
  ) {
    const startedAt = new Date().toISOString()
    const { recipe, node } = candidate
    const none = { argv: [], env: {}, failure: null, logTail: [] }
    this.record = { number, recipe, node, engine: engineKeyName(under), outcome: 'failed', ...none, startedAt, endedAt: startedAt }
  }

  get key(): EngineKey {
    return this.under
  }

  /** Before the launch: the lease that it began with was overtaken. */
  renew(key: EngineKey): void {
    this.under = key
    this.record.engine = engineKeyName(key)
  }

  /** Starts the engine, or finds it running: the step may be repeated. Its port is its own over restarts. */
  async launch(spec: EngineSpec): Promise<void> {
    const { state, argv, env } = await onNode(this.candidate.node).launchEngine({ key: this.key, spec })
    Object.assign(this.record, { argv, env })
    if (state.phase === 'running') spec.port = state.port
  }

  async prove(spec: EngineSpec): Promise<ReadyEngine> {
    const { node: nodeId, weightBytes, simulated } = this.candidate
    const { url, pid, memory, ...proof } = await longOnNode(nodeId).proveReady({ key: this.key, spec })
    this.ended('ready')
    return { replica: { key: this.key, nodeId, ...(simulated === true && { simulated }), spec, url, pid, weightBytes }, proof, memory }
  }

  failed(error: unknown): void {
    const { failure, logTail } = whyItFailed(error)
    Object.assign(this.record, { failure: isCancellation(error) ? 'Cancelled' : failure, logTail })
    this.ended('failed')
  }

  private ended(outcome: 'ready' | 'failed'): void {
    Object.assign(this.record, { outcome, endedAt: new Date().toISOString() })
  }
}
