import { describe, expect, test } from 'vitest'
import { FIRST_PULSE, judge, type Judgement, type Sample } from '../../../src/domain/health/judge.js'
import type { EngineLoad } from '../../../src/domain/health/load.js'

const HANG_MS = 60_000
const IDLE: EngineLoad = { running: 0, waiting: 0, promptTokens: 10, generatedTokens: 100, finished: 3, kvUse: 0 }
const look = (change: Partial<Sample> = {}): Sample => ({ sinceMs: 5_000, healthy: true, load: IDLE, inference: 'none', ...change })

/** Looks one after the other; the judgements of each. A request that is asked for stays out. */
function looks(samples: Sample[]): Judgement[] {
  let pulse = FIRST_PULSE
  let asked = false
  return samples.map((sample) => {
    const judgement = judge(pulse, { ...sample, inference: asked && sample.inference === 'none' ? 'running' : sample.inference }, HANG_MS)
    pulse = judgement.pulse
    asked ||= judgement.ask
    return judgement
  })
}
const times = (count: number, of: (index: number) => Partial<Sample>): Sample[] => Array.from({ length: count }, (_, i) => look(of(i)))

describe('an idle engine', () => {
  test('is asked something small when half of the time has gone by, and only then', () => {
    const judged = looks(times(6, () => ({})))
    expect(judged.map(({ ask }) => ask)).toEqual([false, false, false, false, false, true])
    expect(judged.every(({ verdict }) => verdict === 'alive')).toBe(true)
  })

  test('that answers is alive, and its time starts again', () => {
    const { pulse, verdict } = judge({ ...FIRST_PULSE, silentMs: 40_000 }, look({ inference: 'done' }), HANG_MS)
    expect([pulse.silentMs, verdict]).toEqual([0, 'alive'])
  })

  test('that leaves our request without an answer is hung when the time is over', () => {
    const judged = looks(times(12, () => ({})))
    expect(judged.map(({ verdict }) => verdict).indexOf('hung')).toBe(11)
    expect(judged[11]?.why).toBe('no token for 60 s; a request of our own: no answer')
  })

  test('is never hung before it was asked', () => {
    expect(judge({ ...FIRST_PULSE, silentMs: 10 * HANG_MS, load: IDLE }, look(), HANG_MS)).toMatchObject({ verdict: 'alive', ask: true })
  })
})

describe('a busy engine', () => {
  const running = { ...IDLE, running: 8, waiting: 40 }

  test.each<[string, (index: number) => Partial<EngineLoad>]>([
    ['decodes tokens', (index) => ({ generatedTokens: 100 + index })],
    ['reads a long prompt in', (index) => ({ kvUse: index / 1_000 })],
    ['started anew inside', (index) => ({ finished: 1_000 - index })],
  ])('that %s is not dead, whatever /health says, and needs no request of ours', (_, change) => {
    const judged = looks(times(100, (index) => ({ load: { ...running, ...change(index) } })))
    expect(judged.every(({ verdict, ask }) => verdict === 'busy' && !ask)).toBe(true)
    const slow = judge(judged[99]?.pulse ?? FIRST_PULSE, look({ healthy: false, load: { ...running, generatedTokens: 999 } }), HANG_MS)
    expect(slow.verdict).toBe('busy')
  })

  test('whose tokens stand still is hung, and the reason says what it held', () => {
    const judged = looks(times(12, () => ({ load: running })))
    expect(judged[11]).toMatchObject({ verdict: 'hung', why: expect.stringContaining('8 requests running and 40 waiting') })
  })

  test('to which more requests come does not prove anything by that', () => {
    const judged = looks(times(12, (index) => ({ load: { ...running, waiting: index } })))
    expect(judged[11]?.verdict).toBe('hung')
  })
})

test('an engine that says that it is not well is asked at once, and given up after three answers that are none', () => {
  const failed = { failed: 'HTTP 500: EngineDeadError' }
  const judged = looks([look({ healthy: false }), ...times(3, () => ({ healthy: false, inference: failed }))])
  expect(judged.map(({ ask }) => ask)).toEqual([true, true, true, false])
  expect(judged[3]).toMatchObject({ verdict: 'hung', why: 'no token for 20 s; a request of our own: HTTP 500: EngineDeadError' })
})

test('an engine that does not tell its load gets three times as long', () => {
  const judged = looks(times(36, () => ({ load: null })))
  expect(judged.map(({ verdict }) => verdict).indexOf('hung')).toBe(35)
})

test('time in which nobody looked counts for a quarter of the limit at most', () => {
  const stopped = judge({ ...FIRST_PULSE, load: IDLE }, look({ sinceMs: 3_600_000, inference: 'running' }), HANG_MS)
  expect(stopped).toMatchObject({ verdict: 'alive', pulse: { silentMs: 15_000 } })
})
