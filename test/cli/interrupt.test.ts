import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Interrupted, pause, unlessInterrupted, watchInterrupts } from '../../src/cli/interrupt.js'

/** The part of `process` that signals go through. */
function fakeProcess() {
  const exits: number[] = []
  const target = Object.assign(new EventEmitter(), { exit: (code: number) => exits.push(code) })
  return { exits, target: target as unknown as NodeJS.Process, send: (signal: string) => target.emit(signal) }
}

describe('watchInterrupts', () => {
  it.each(['SIGINT', 'SIGTERM'])('the first %s aborts, the second ends the process', (signal) => {
    const { target, send, exits } = fakeProcess()
    const interrupts = watchInterrupts(target)
    expect(interrupts.aborted).toBe(false)
    send(signal)
    expect([interrupts.aborted, exits]).toEqual([true, []])
    send(signal)
    expect(exits).toEqual([130])
  })
})

describe('unlessInterrupted', () => {
  it('passes the result and the failure of the work on', async () => {
    const { signal } = new AbortController()
    await expect(unlessInterrupted(Promise.resolve(1), signal)).resolves.toBe(1)
    await expect(unlessInterrupted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no')
  })

  it('leaves work that would never end, also when the person was first', async () => {
    const early = new AbortController()
    early.abort()
    const never = new Promise(() => {})
    await expect(unlessInterrupted(never, early.signal, ['note'])).rejects.toEqual(new Interrupted(['note']))
  })
})

it('pause ends when its signal aborts', async () => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(), 10)
  const started = performance.now()
  await pause(60_000, controller.signal)
  expect(performance.now() - started).toBeLessThan(30_000)
})
