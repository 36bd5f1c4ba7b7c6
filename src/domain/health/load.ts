/** What an engine says of its work, at one moment: counters that only grow while it lives, `kvUse` from 0 to 1. */
export type EngineLoad = {
  running: number
  waiting: number
  promptTokens: number
  generatedTokens: number
  finished: number
  kvUse: number
}

/**
 * Whether it computed something between two looks: tokens, an answer, or a prompt that is being read in. A counter that fell is one of a
 * process that started anew inside the engine, which is work too. That requests come or wait says nothing.
 */
export function hasWorked(before: EngineLoad, now: EngineLoad): boolean {
  const counters = ['generatedTokens', 'promptTokens', 'finished'] as const
  return counters.some((name) => now[name] !== before[name]) || now.kvUse > before.kvUse
}

export function isIdle({ running, waiting }: EngineLoad): boolean {
  return running === 0 && waiting === 0
}
