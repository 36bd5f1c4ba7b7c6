import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { withTimeLimit } from '../../src/adapters/time-limit.js'

test('a limit holds, also when memory is tidied up while the work waits', async () => {
  setFlagsFromString('--expose-gc')
  const tidy = runInNewContext('gc') as () => void
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const tidying = setInterval(tidy, 20)
  try {
    const { port } = silent.address() as AddressInfo
    const outer = new AbortController()
    const either = AbortSignal.any([outer.signal])
    const ask = (signal: AbortSignal) => fetch(`http://127.0.0.1:${port}`, { signal })
    await expect(withTimeLimit(300, either, ask)).rejects.toThrow('not done within 300 ms')
  } finally {
    clearInterval(tidying)
    silent.close()
  }
}, 10_000)

test('the signal from outside comes through with its reason, also when it was there before', async () => {
  const outer = new AbortController()
  const waiting = withTimeLimit(10_000, outer.signal, (signal) => once(signal, 'abort').then(() => signal.throwIfAborted()))
  outer.abort(new Error('by a person'))
  await expect(waiting).rejects.toThrow('by a person')
  await expect(withTimeLimit(10_000, outer.signal, async (signal) => signal.throwIfAborted())).rejects.toThrow('by a person')
})

test('what is done in time is its answer', async () => {
  expect(await withTimeLimit(10_000, undefined, async () => 'done')).toBe('done')
})
