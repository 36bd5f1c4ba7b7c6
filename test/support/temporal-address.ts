import { readFileSync } from 'node:fs'
import { inject } from 'vitest'

declare module 'vitest' {
  export interface ProvidedContext {
    /** File that appears when the Temporal server of the run has started, or cannot start. */
    temporalStart: string
  }
}

export type TemporalStart = { address: string } | { error: string }

/** host:port of the Temporal server that all test files of a run share. */
export function temporalAddress(): string {
  const start = JSON.parse(readFileSync(inject('temporalStart'), 'utf8')) as TemporalStart
  if ('error' in start) throw new Error(`the tests' Temporal server: ${start.error}`)
  return start.address
}
