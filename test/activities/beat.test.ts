import { setTimeout as delay } from 'node:timers/promises'
import { MockActivityEnvironment } from '@temporalio/testing'
import { expect, test } from 'vitest'
import { withBeats } from '../../activities/beat.js'

async function beatsOf(workMs: number): Promise<number> {
  const env = new MockActivityEnvironment()
  let beats = 0
  env.on('heartbeat', () => (beats += 1))
  const { work } = withBeats(20, { work: (ms: number) => delay(ms, 'done') })
  expect(await env.run(work, workMs)).toBe('done')
  const during = beats
  await delay(60)
  expect(beats).toBe(during)
  return during
}

test('work that takes its time beats until it is done', async () => {
  expect(await beatsOf(200)).toBeGreaterThan(2)
})

test('short work never beats', async () => {
  expect(await beatsOf(0)).toBe(0)
})
