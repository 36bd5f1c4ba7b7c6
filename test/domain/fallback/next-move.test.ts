import { describe, expect, test } from 'vitest'
import {
  gpusToAvoid,
  nextMove,
  quarantines,
  type FallbackState,
  type NextMove,
  type Tried,
} from '../../../src/domain/fallback/next-move.js'
import type { Candidate, Fallback } from '../../../src/domain/plan.js'
import { aCandidate } from '../../support/plans.js'

const first = aCandidate({ recipe: 'r', node: 'a', gpus: [0], card: 'MI300X', precision: 'bf16', context: 8_192, contextFrom: 'request' })
const otherGpu = { ...first, gpus: [1] }
const otherNode = { ...first, node: 'b' }
const lower: Fallback = { ...first, recipe: 'fp8', precision: 'fp8', model: 'org/fp8', weightBytes: 1, givesUp: 'precision fp8' }
const processor: Fallback = { ...first, recipe: 'cpu', gpus: [], card: null, weightBytes: 1, givesUp: 'hardware: the processor' }

const state = (change: Partial<FallbackState> = {}): FallbackState => ({
  candidates: [first, otherGpu, otherNode],
  fallback: [lower, processor],
  mode: 'meets',
  budget: { attempts: 6, minutes: 60 },
  asks: false,
  tried: [],
  spentMs: 0,
  answers: {},
  ...change,
})
const failed = (candidate: Candidate, failure: string, more: Partial<Tried> = {}): Tried => ({ candidate, failure, ...more })
const taken = (move: NextMove) => (move.do === 'try' ? move.candidate : move.why)

describe('how far it goes', () => {
  test('it starts with the first choice', () => {
    expect(nextMove(state())).toEqual({ do: 'try', candidate: first, how: 'first choice', gaveUp: null, pauseMs: 0, ask: [] })
  })

  test('none: one try, whatever it fails with', () => {
    const none = state({ mode: 'none', tried: [failed(first, 'crashed')] })
    expect(nextMove(none)).toEqual({ do: 'stop', why: 'no fallback was asked for', planEmpty: false })
  })

  test('meets: nothing that was asked for is given up', () => {
    expect(nextMove(state({ candidates: [first], tried: [failed(first, 'oom_weights')] }))).toMatchObject({ do: 'stop' })
  })

  test('any: what gives something up comes last, and says what', () => {
    const any = state({ mode: 'any', tried: [failed(first, 'unknown'), failed(otherGpu, 'unknown'), failed(otherNode, 'unknown')] })
    expect(nextMove(any)).toMatchObject({ candidate: lower, gaveUp: 'precision fp8' })
  })

  test('any: also where nothing meets the request at all', () => {
    expect(nextMove(state({ mode: 'any', candidates: [] }))).toMatchObject({ candidate: lower, gaveUp: 'precision fp8' })
    expect(nextMove(state({ candidates: [] }))).toMatchObject({ do: 'stop', why: 'nothing may be tried' })
  })

  test('tries and minutes end it; a refused lease is no try', () => {
    const two = [failed(first, 'unknown'), failed(otherGpu, 'unknown')]
    expect(nextMove(state({ budget: { attempts: 2, minutes: 60 }, tried: two }))).toEqual({
      do: 'stop',
      why: '2 tries were allowed',
      planEmpty: false,
    })
    const refused = [failed(first, 'LeaseRefused'), failed(otherGpu, 'unknown')]
    expect(taken(nextMove(state({ budget: { attempts: 2, minutes: 60 }, tried: refused })))).toBe(otherNode)
    const late = state({ tried: [failed(first, 'unknown')], spentMs: 60 * 60_000 })
    expect(nextMove(late)).toEqual({ do: 'stop', why: '60 minutes were allowed', planEmpty: false })
  })

  test('nothing that an earlier failure rules out comes back after another one', () => {
    const tried = [failed(otherNode, 'NodeLost'), failed(first, 'GpuForeign')]
    expect(taken(nextMove(state({ candidates: [first, otherGpu, { ...otherNode, gpus: [1] }], tried })))).toBe(otherGpu)
  })
})

describe('the same again', () => {
  test('so often as its class allows, after longer and longer pauses', () => {
    const pauses = [1, 2, 3].map((times) => nextMove(state({ tried: Array.from({ length: times }, () => failed(first, 'PortTaken')) })))
    expect(pauses).toMatchObject([
      { candidate: first, pauseMs: 1_000 },
      { candidate: first, pauseMs: 2_000 },
      { candidate: otherNode, pauseMs: 0 },
    ])
  })

  test('never a recipe that the engine refuses', () => {
    expect(nextMove(state({ tried: [failed(first, 'bad_flag')] }))).toMatchObject({
      do: 'stop',
      why: expect.stringContaining('correct it'),
    })
  })
})

describe('a shorter context', () => {
  const told = { maxContext: 4_096 }

  test('what the engine can hold, where nobody asked for another one', () => {
    const own = { ...first, contextFrom: 'fit' as const }
    expect(nextMove(state({ candidates: [own], tried: [failed(own, 'oom_kv_len', told)] }))).toMatchObject({
      candidate: { context: 4_096 },
      how: 'shorter context',
      gaveUp: null,
    })
  })

  test('is given up only where that is allowed, and said', () => {
    const tried = [failed(first, 'oom_kv_len', told)]
    expect(nextMove(state({ candidates: [first], tried }))).toMatchObject({ do: 'stop' })
    expect(nextMove(state({ candidates: [first], mode: 'any', tried }))).toMatchObject({
      candidate: { context: 4_096 },
      gaveUp: 'context 4096 instead of 8192',
    })
  })

  test('never a longer one', () => {
    const tried = [failed(first, 'oom_kv_len', { maxContext: 9_000 })]
    expect(nextMove(state({ candidates: [first], mode: 'any', fallback: [], tried }))).toMatchObject({ do: 'stop' })
  })
})

describe('a person is asked', () => {
  const asking = state({ mode: 'any', asks: true, candidates: [first], tried: [failed(first, 'oom_weights')] })

  test('before the precision drops', () => {
    expect(nextMove(asking)).toMatchObject({ candidate: lower, ask: ['precision fp8 instead of bf16'] })
  })

  test('once: a yes is kept, and after a no the next one is asked about', () => {
    expect(nextMove({ ...asking, answers: { 'precision fp8 instead of bf16': true } })).toMatchObject({ candidate: lower, ask: [] })
    const no = { ...asking, answers: { 'precision fp8 instead of bf16': false } }
    expect(nextMove(no)).toMatchObject({ candidate: processor, ask: ['processor instead of MI300X'] })
    expect(nextMove({ ...no, answers: { ...no.answers, 'processor instead of MI300X': false } })).toMatchObject({ do: 'stop' })
  })

  test('not about other GPUs or another node', () => {
    expect(nextMove(state({ asks: true, tried: [failed(first, 'GpuForeign')] }))).toMatchObject({ candidate: otherGpu, ask: [] })
  })
})

describe('a GPU that faults', () => {
  test('is quarantined, and other GPUs are tried', () => {
    const fault = failed(first, 'gpu_fault')
    expect(quarantines({ tried: [fault] }, fault)).toBe(true)
    expect(taken(nextMove(state({ tried: [fault] })))).toBe(otherGpu)
  })

  test('is not to blame when the same recipe faults on others too', () => {
    const again = failed(otherGpu, 'gpu_fault')
    const tried = [failed(first, 'gpu_fault'), again]
    expect(quarantines({ tried }, again)).toBe(false)
    expect(taken(nextMove(state({ tried })))).toContain('faults on any GPU')
    const otherRecipe = { ...otherNode, recipe: 's' }
    expect(taken(nextMove(state({ candidates: [first, otherGpu, otherRecipe], tried })))).toBe(otherRecipe)
  })
})

test('a new plan avoids GPUs that failed where others may do, and only those', () => {
  const tried = [failed(first, 'gpu_fault'), failed(otherNode, 'bad_flag')]
  expect(gpusToAvoid(tried)).toEqual([{ node: first.node, gpus: first.gpus }])
})
