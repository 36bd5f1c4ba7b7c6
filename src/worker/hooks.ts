/** What whoever runs a worker gives it. */
export type WorkerHooks = {
  /** Ends it: running work is drained or handed over. */
  signal: AbortSignal
  /** One line about what happens, for people. */
  onStep: (line: string) => void
}
