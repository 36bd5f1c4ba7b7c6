import { describe, expect, test } from 'vitest'
import { computeThreads, usableCpus } from '../../src/llamacpp-server/cpus.js'
import { parseOptions, UsageError } from '../../src/llamacpp-server/options.js'

const NEEDED = ['--model', '/m.gguf', '--served-model-name', 'm']

describe('flags of the llamacpp server', () => {
  test('defaults: loopback, port 8080, two requests at a time', () => {
    expect(parseOptions(NEEDED)).toEqual({
      model: '/m.gguf',
      servedName: 'm',
      host: '127.0.0.1',
      port: 8080,
      parallel: 2,
      queue: 64,
    })
  })

  test('every flag is taken', () => {
    const flags = ['--host', '::1', '--port', '0', '--context', '512', '--threads', '3', '--parallel', '4', '--queue', '0']
    expect(parseOptions([...NEEDED, ...flags])).toMatchObject({ host: '::1', port: 0, context: 512, threads: 3, parallel: 4, queue: 0 })
  })

  test.each([
    [['--served-model-name', 'm'], /--model is required/],
    [['--model', '/m.gguf'], /--served-model-name is required/],
    [[...NEEDED, '--port', '70000'], /--port must be a whole number from 0 to 65535, not "70000"/],
    [[...NEEDED, '--threads', '0'], /--threads/],
    [[...NEEDED, '--context', '4k'], /--context.*"4k"/],
    [[...NEEDED, '--parallel', '1.5'], /--parallel/],
    [[...NEEDED, '--gpu', 'all'], /--gpu/],
    [[...NEEDED, 'stray'], /stray/],
  ])('%j is refused', (argv, reason) => {
    expect(() => parseOptions(argv)).toThrow(UsageError)
    expect(() => parseOptions(argv)).toThrow(reason)
  })
})

describe('CPUs that may be used', () => {
  test('no cgroup, or no quota: what the scheduler allows', () => {
    expect(usableCpus(null, 8)).toBe(8)
    expect(usableCpus('max 100000\n', 8)).toBe(8)
  })
  test('a quota counts, rounded up, and never exceeds the machine', () => {
    expect(usableCpus('250000 100000\n', 8)).toBe(3)
    expect(usableCpus('50000 100000\n', 8)).toBe(1)
    expect(usableCpus('9900000 100000\n', 8)).toBe(8)
  })
})

describe('threads that compute', () => {
  test('one core is left to everybody else, where there is more than one', () => {
    expect([1, 2, 4, 64].map((cores) => computeThreads(cores, cores))).toEqual([1, 2, 4, 64])
  })
  test('two threads of one core count once', () => {
    expect(computeThreads(64, 128)).toBe(64)
  })
  test('a quota below the cores counts', () => {
    expect(computeThreads(64, 4)).toBe(4)
  })
})
