import { expect, test } from 'vitest'
import { FAULT_NAMES, NODES, scheduleOf } from './schedule.js'

test('a seed gives the same run every time, and another seed another one', () => {
  expect(scheduleOf(7)).toEqual(scheduleOf(7))
  expect(scheduleOf(8)).not.toEqual({ ...scheduleOf(7), seed: 8 })
})

test('naming the fault changes nothing else that the seed decides', () => {
  const { node, strikeAfterMs, lastsMs, variant } = scheduleOf(7)
  for (const fault of FAULT_NAMES) expect(scheduleOf(7, fault)).toMatchObject({ fault, node, strikeAfterMs, lastsMs, variant })
})

test('200 seeds strike by every fault, on every node, and at steps as well as at times', () => {
  const runs = Array.from({ length: 200 }, (_, seed) => scheduleOf(seed + 1))
  for (const fault of FAULT_NAMES) expect(runs.filter((run) => run.fault === fault).length, fault).toBeGreaterThanOrEqual(5)
  for (const node of NODES) expect(runs.filter((run) => run.node === node).length).toBeGreaterThanOrEqual(40)
  expect(runs.filter(({ step }) => step !== null).length).toBeGreaterThanOrEqual(50)
  expect(runs.filter(({ step }) => step === null).length).toBeGreaterThanOrEqual(50)
  expect(runs.filter(({ endpoints }) => endpoints.some(({ stopAfterMs }) => stopAfterMs !== null)).length).toBeGreaterThanOrEqual(30)
})
