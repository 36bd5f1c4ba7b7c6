import { describe, expect, it } from 'vitest'
import { Interrupted } from '../../../src/cli/interrupt.js'
import { follow } from '../../../src/cli/progress/follow.js'
import { AimError } from '../../../src/contracts/errors.js'
import { handleOf, testCli } from '../support.js'

const options = { what: 'deploy of smol', look: 'aim status smol', onLeave: ['it goes on'] }
const never = new Promise<never>(() => {})
const oneStep = { steps: [{ step: 'warm', state: 'done' as const, detail: 'the last picture' }] }

describe('follow', () => {
  it('returns the result and shows how far it came, however short it was', async () => {
    const { cli, err } = testCli()
    await expect(follow(cli, handleOf(Promise.resolve('ready'), oneStep), options)).resolves.toBe('ready')
    expect(err()).toContain('warm: done: the last picture')
  })

  it("throws the flow's own error, after its last step", async () => {
    const { cli, err } = testCli()
    const handle = handleOf(Promise.reject(new AimError('DiskFull')), oneStep)
    await expect(follow(cli, handle, options)).rejects.toMatchObject({ code: 'DiskFull' })
    expect(err()).toContain('the last picture')
  })

  it('leaves at once on an interrupt, even while a query hangs, and cancels nothing', async () => {
    let cancelled = false
    const { cli, interrupt } = testCli()
    const handle = { ...handleOf(never), progress: () => never, cancel: async () => void (cancelled = true) }
    setTimeout(interrupt, 20)
    await expect(follow(cli, handle, options)).rejects.toSatisfy((error) => error instanceof Interrupted && error.notes[0] === 'it goes on')
    expect(cancelled).toBe(false)
  })

  it('gives up waiting after the timeout', async () => {
    const { cli } = testCli()
    await expect(follow(cli, handleOf(never), { ...options, timeoutMs: 30 })).rejects.toMatchObject({
      code: 'Timeout',
      details: { after: '30 ms' },
    })
  })

  it('says so when no worker answers, and carries on', async () => {
    const { cli, err } = testCli()
    let resolve = (_: string): void => {}
    const promise = new Promise<string>((done) => (resolve = done))
    const handle = { ...handleOf(promise), progress: () => never }
    const followed = follow(cli, handle, options)
    await expect.poll(err, { timeout: 15_000 }).toContain('its progress cannot be read now')
    resolve('ready')
    await expect(followed).resolves.toBe('ready')
  })
})
