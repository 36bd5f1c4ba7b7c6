import { expect, test } from 'vitest'
import { bestRun, comparedSpeed, predict } from '../../../src/domain/prediction/predict.js'
import { roofline, type RooflineInput } from '../../../src/domain/prediction/roofline.js'
import { BIG, SHAPE } from '../selection/support.js'

const input: RooflineInput = {
  shape: SHAPE,
  variant: { weightBytes: 16e9, precision: 'bf16' },
  card: BIG,
  share: 1,
  parallel: { tensor: 1, pipeline: 1, data: 1, expert: false },
  kvBytesPerElement: 2,
}
const workload = { concurrency: 16, promptTokens: 1_024 }
const there = roofline(input, { concurrency: 64, promptTokens: 512 })
const run = { concurrency: 64, promptTokens: 512, outputTokensPerSecond: (there?.outputTokensPerSecond ?? 0) / 2, ttftMs: null }

test('without a run the roofline is shown, and says that it is predicted', () => {
  expect(predict(input, workload, null)).toEqual({ basis: 'predicted', ...workload, ...roofline(input, workload), error: null })
})

test('a measured run replaces the prediction at its own workload and shows its error', () => {
  expect(predict(input, workload, run)).toMatchObject({
    basis: 'measured',
    concurrency: 64,
    promptTokens: 512,
    outputTokensPerSecond: run.outputTokensPerSecond,
    decodeTokensPerSecond: run.outputTokensPerSecond / 64,
    error: expect.closeTo(1, 9),
  })
})

test('what is compared is the roofline at the same workload, corrected by that error', () => {
  const asked = roofline(input, workload)
  expect(comparedSpeed(input, workload, run)?.outputTokensPerSecond).toBeCloseTo((asked?.outputTokensPerSecond ?? 0) / 2, 6)
  expect(comparedSpeed(input, workload, { ...run, ttftMs: 2 * (there?.ttftMs ?? 0) })?.ttftMs).toBeCloseTo(2 * (asked?.ttftMs ?? 0), 6)
})

test('a run counts even where the model is not known, and nothing is made up beside it', () => {
  expect(comparedSpeed(null, workload, run)).toEqual({
    outputTokensPerSecond: run.outputTokensPerSecond,
    decodeTokensPerSecond: run.outputTokensPerSecond / 64,
    ttftMs: Number.POSITIVE_INFINITY,
  })
  expect(predict(null, workload, run)).toBeNull()
  expect(comparedSpeed(null, workload, null)).toBeNull()
})

test('our own launch says more than a published run; of those the nearest concurrency on this card', () => {
  const published = [1, 12, 64].map((concurrency) => ({ ...run, concurrency, card: BIG.name, source: 'test' }))
  expect(bestRun(BIG.name, published, workload)?.concurrency).toBe(12)
  expect(bestRun('MI355X', published, workload)).toBeNull()
})
