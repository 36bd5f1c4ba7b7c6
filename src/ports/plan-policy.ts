import type { Prices } from '../domain/requirements.js'

/** What the operator says for every plan. */
export interface PlanPolicy {
  /** The price table; null: none. Throws AimError `InvalidInput` naming file and field. */
  prices(): Promise<Prices | null>
  /** Whether the code that this repository brings may run. */
  allowsRemoteCode(repo: string): boolean
  /** Whether its weights may be pickles, which can run code when they are loaded. */
  allowsPickle(repo: string): boolean
}
