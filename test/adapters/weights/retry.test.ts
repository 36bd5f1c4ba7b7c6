import { describe, expect, it } from 'vitest'
import { pause, withRetries } from '../../../src/adapters/weights/retry.js'
import { AimError } from '../../../src/contracts/errors.js'

const policy = { tries: 3, baseMs: 1, maxMs: 2, mostPatienceMs: 1000 }
const unreachable = new AimError('HubUnreachable', { hub: 'h', reason: 'r' })

async function run(
  failures: Error[],
  options: { progress?: () => number; signal?: AbortSignal; giveUp?: () => boolean } = {},
): Promise<number> {
  let attempts = 0
  await withRetries({
    policy,
    progress: options.progress ?? (() => 0),
    giveUp: options.giveUp ?? (() => false),
    signal: options.signal ?? new AbortController().signal,
    async attempt() {
      const failure = failures[attempts++]
      if (failure !== undefined) throw failure
    },
  })
  return attempts
}

describe('withRetries', () => {
  it('tries again what the table says may be tried again', async () => {
    expect(await run([unreachable, unreachable])).toBe(3)
  })

  it('throws the last failure after so many in a row', async () => {
    await expect(run([unreachable, unreachable, unreachable])).rejects.toBe(unreachable)
  })

  it.each([new AimError('HubAuth', { hub: 'h', model: 'm', reason: 'r' }), new Error('a bug')])(
    'does not try again: %s',
    async (failure) => {
      await expect(run([failure])).rejects.toBe(failure)
    },
  )

  it('counts anew after real progress', async () => {
    let bytes = 0
    expect(await run([unreachable, unreachable, unreachable, unreachable], { progress: () => (bytes += 20_000_000) })).toBe(5)
  })

  it('leaves a long wait to the caller', async () => {
    const limited = new AimError('HubRateLimited', { hub: 'h', seconds: 2 })
    await expect(run([limited])).rejects.toBe(limited)
  })

  it('ends when the caller says so, and when it is aborted', async () => {
    await expect(run([unreachable], { giveUp: () => true })).rejects.toBe(unreachable)
    await expect(run([unreachable], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })
})

it('a pause ends at once with the reason of the abort', async () => {
  const controller = new AbortController()
  const paused = pause(60_000, controller.signal)
  controller.abort(new Error('enough'))
  await expect(paused).rejects.toThrow('enough')
})
