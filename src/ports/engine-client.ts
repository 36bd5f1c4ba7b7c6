/** Talks to a running engine over the address that clients use. */
export interface EngineClient {
  /** True once the engine says on `path` that it is up. A refused connection is false, not an error. */
  healthy(url: string, path: string, signal?: AbortSignal): Promise<boolean>
  /**
   * One short completion: the only proof of readiness. `ms` is the time it took; `limitMs` is how long it may take, where that is not the client's own
   * limit. Throws AimError `EngineNotAnswering`.
   */
  complete(url: string, model: string, signal?: AbortSignal, limitMs?: number): Promise<{ text: string; tokens: number; ms: number }>
  /**
   * Values of these metrics on `path`, each the sum over its labels; a name that it does not expose is left out. Null: it cannot be read.
   */
  metrics(url: string, path: string, names: readonly string[], signal?: AbortSignal): Promise<Record<string, number> | null>
}
