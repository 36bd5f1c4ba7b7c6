import { setTimeout as delay } from 'node:timers/promises'
import type { EngineSpec } from '../../src/domain/engine.js'
import { FIRST_PULSE, judge, type Inference } from '../../src/domain/health/judge.js'
import { engines } from '../../src/engines/index.js'
import type { EngineClient } from '../../src/ports/engine-client.js'
import { loadOf } from './engine-load.js'

type Watched = { url: string; spec: EngineSpec }

/** Between two looks at what it did: a twelfth of the time in which a hang is found, from 50 ms to 5 s. */
const lookMs = (hangMs: number): number => Math.min(Math.max(hangMs / 12, 50), 5_000)

/** Feels the pulse of an engine until it has none; answers why it counts as hung. */
export async function untilHung(client: EngineClient, { url, spec }: Watched, hangMs: number, signal: AbortSignal): Promise<string> {
  const question = new Question(() => client.complete(url, spec.servedName, signal))
  let pulse = FIRST_PULSE
  let looked = performance.now()
  for (;;) {
    const [healthy, load] = await Promise.all([
      client.healthy(url, engines[spec.backend].endpoints.ready, signal),
      loadOf(client, url, spec.backend, signal),
    ])
    const now = performance.now()
    const { verdict, ask, why, ...next } = judge(pulse, { sinceMs: now - looked, healthy, load, inference: question.take() }, hangMs)
    if (verdict === 'hung') return why
    if (ask) question.ask()
    pulse = next.pulse
    looked = now
    await delay(lookMs(hangMs), undefined, { signal })
  }
}

/** A small request that goes its own way while others look. */
class Question {
  private state: Inference = 'none'

  constructor(private readonly put: () => Promise<unknown>) {}

  ask(): void {
    this.state = 'running'
    const settle = (state: Inference) => () => (this.state = state)
    this.put().then(settle('done'), (error: unknown) => (this.state = { failed: error instanceof Error ? error.message : String(error) }))
  }

  /** How it stands; an end is told once. */
  take(): Inference {
    const { state } = this
    if (state !== 'running') this.state = 'none'
    return state
  }
}
