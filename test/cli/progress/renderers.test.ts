import { describe, expect, it } from 'vitest'
import { chooseProgress, progressMode } from '../../../src/cli/progress/choose.js'
import { jsonProgress } from '../../../src/cli/progress/json.js'
import { plainProgress } from '../../../src/cli/progress/plain.js'
import { rateMeter, transferText } from '../../../src/cli/progress/rate.js'
import { ttyProgress } from '../../../src/cli/progress/tty.js'
import { plainPaint } from '../../../src/cli/output/style.js'
import type { OperationProgress } from '../../../src/contracts/deploy.js'
import { capture, testCli } from '../support.js'

const T0 = Date.parse('2026-01-01T00:00:00.000Z')
const iso = (ms: number): string => new Date(T0 + ms).toISOString()

/** A download that is `done` bytes far. */
const warming = (done: number): { progress: OperationProgress; problem: null } => ({
  problem: null,
  progress: {
    steps: [
      { step: 'plan', state: 'done', startedAt: iso(0), endedAt: iso(200), detail: 'llamacpp on node-1' },
      { step: 'warm', state: 'running', startedAt: iso(200) },
      { step: 'launch', state: 'waiting' },
    ],
    bytes: { done, total: 100e6, file: 'model.gguf' },
  },
})

/** What a terminal shows after these bytes: cursor up, clear line and clear below are obeyed. */
function screen(written: string): string[] {
  const lines: string[] = []
  let row = 0
  for (const part of written.replaceAll('\u001b', '␛').split(/(␛\[\d*[AKJ]|\n|\r)/)) {
    const [, count, command] = /^␛\[(\d*)([AKJ])$/.exec(part) ?? []
    if (command === 'A') row -= Number(count)
    else if (command === 'K') lines[row] = ''
    else if (command === 'J') lines.length = row
    else if (part === '\n') row++
    else if (part !== '\r' && part !== '') lines[row] = (lines[row] ?? '') + part
  }
  return lines
}

describe('tty', () => {
  it('redraws one list in place, with bytes, rate and time left', () => {
    const stream = capture({ columns: 80 })
    const renderer = ttyProgress(stream, plainPaint)
    renderer.update(warming(10e6), T0 + 1200)
    renderer.update(warming(30e6), T0 + 3200)
    expect(screen(stream.text())).toEqual([
      '✔ plan        200 ms  llamacpp on node-1',
      '● warm        3 s',
      '    30.0 MB of 100 MB  30 %  10.0 MB/s  7.0 s left  model.gguf',
      '○ launch',
    ])
  })

  it('writes nothing when nothing changed', () => {
    const stream = capture({ columns: 80 })
    const renderer = ttyProgress(stream, plainPaint)
    renderer.update(warming(10e6), T0 + 1200)
    const before = stream.text()
    renderer.update(warming(10e6), T0 + 1350)
    expect(stream.text()).toBe(before)
  })

  it('takes back lines that are no longer there, and never wraps', () => {
    const stream = capture({ columns: 30 })
    const renderer = ttyProgress(stream, plainPaint)
    renderer.update(warming(10e6), T0 + 1200)
    const finished = {
      progress: { steps: [{ step: 'warm', state: 'failed' as const, detail: 'a reason that is longer than the terminal is wide' }] },
      problem: null,
    }
    renderer.update(finished, T0 + 2000)
    expect(screen(stream.text())).toEqual(['✖ warm        a reason that …'])
  })

  it('says why nothing moves', () => {
    const stream = capture({ columns: 80 })
    ttyProgress(stream, plainPaint).update({ progress: null, problem: 'no worker answers' }, T0)
    expect(screen(stream.text())).toEqual(['! no worker answers'])
  })
})

describe('plain', () => {
  it('prints a timestamped line for each change and none for what stays', () => {
    const stream = capture()
    const renderer = plainProgress(stream)
    renderer.update(warming(10e6), T0 + 1200)
    renderer.update(warming(20e6), T0 + 2200)
    renderer.update(
      { progress: { steps: [{ step: 'warm', state: 'done', startedAt: iso(200), endedAt: iso(9200) }] }, problem: null },
      T0 + 9300,
    )
    expect(stream.text()).toBe(
      '2026-01-01T00:00:01Z plan: done in 200 ms: llamacpp on node-1\n2026-01-01T00:00:01Z warm: running\n2026-01-01T00:00:09Z warm: done in 9.0 s\n',
    )
  })

  it('shows life every ten seconds, with the bytes', () => {
    const stream = capture()
    const renderer = plainProgress(stream)
    for (let s = 1; s <= 22; s++) renderer.update(warming(s * 1e6), T0 + s * 1000)
    const beats = stream
      .text()
      .split('\n')
      .filter((line) => line.includes('still running'))
    expect(beats).toEqual([
      '2026-01-01T00:00:11Z warm: still running for 10.8 s: 11.0 MB of 100 MB  11 %  1.0 MB/s  1m 29s left  model.gguf',
      '2026-01-01T00:00:21Z warm: still running for 20.8 s: 21.0 MB of 100 MB  21 %  1.0 MB/s  1m 19s left  model.gguf',
    ])
  })

  it('beats also before any step is known', () => {
    const stream = capture()
    const renderer = plainProgress(stream)
    for (let s = 0; s <= 10; s++) renderer.update({ progress: null, problem: null }, T0 + s * 1000)
    expect(stream.text()).toBe('2026-01-01T00:00:10Z still waiting\n')
  })
})

describe('json', () => {
  it('is one object a line: steps, bytes at most once a second, a heartbeat', () => {
    const stream = capture()
    const renderer = jsonProgress(stream)
    for (let ms = 0; ms <= 2000; ms += 250) renderer.update(warming(1e6 + ms), T0 + ms)
    renderer.update(warming(1e6 + 2000), T0 + 12_500)
    const events = stream
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; step?: string })
    expect(events.map(({ event, step }) => step ?? event)).toEqual(['plan', 'warm', 'bytes', 'bytes', 'bytes', 'heartbeat'])
  })
})

describe('rate', () => {
  it('falls when the bytes stand still', () => {
    const rate = rateMeter()
    rate({ done: 0, total: 10e6, file: '' }, 0)
    expect(rate({ done: 4e6, total: 10e6, file: '' }, 2000)).toEqual({ bytesPerSecond: 2e6, etaMs: 3000 })
    expect(rate({ done: 4e6, total: 10e6, file: '' }, 20_000).bytesPerSecond).toBeLessThan(0.3e6)
  })

  it('starts anew with another download', () => {
    const rate = rateMeter()
    rate({ done: 9e6, total: 10e6, file: 'a' }, 0)
    expect(rate({ done: 0, total: 10e6, file: 'b' }, 2000)).toEqual({ bytesPerSecond: null, etaMs: null })
  })

  it('leaves out what is not known', () => {
    expect(transferText({ done: 1500, total: 0, file: '' }, { bytesPerSecond: null, etaMs: null })).toBe('1.5 kB')
  })
})

describe('which form', () => {
  it.each([
    ['a terminal', { columns: 80 }, 'tty'],
    ['a terminal in CI', { columns: 80, env: { CI: '1' } }, 'plain'],
    ['CI=false', { columns: 80, env: { CI: 'false' } }, 'tty'],
    ['a pipe', {}, 'plain'],
    ['--quiet', { columns: 80, flags: { quiet: true } }, 'none'],
    ['--progress json', { columns: 80, flags: { progress: 'json' as const } }, 'json'],
  ])('%s', (_what, options, mode) => expect(progressMode(testCli(options).cli)).toBe(mode))

  it('none writes nothing', () => {
    const { cli, err } = testCli({ flags: { progress: 'none' } })
    chooseProgress(cli).update(warming(1), T0)
    expect(err()).toBe('')
  })
})
