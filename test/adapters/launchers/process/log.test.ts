import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createHome, keyOf, running, RUNS, specOf, until } from './support.js'

describe('the log of an engine', () => {
  test('holds what it writes to both outputs, in order', async () => {
    await using home = await createHome()
    await home.launcher.launch(keyOf(), specOf(`console.log('one'); console.error('two'); console.log('three'); ${RUNS}`))
    await until(async () => (await home.launcher.logTail(keyOf(), 10)).length === 3, 'three lines')
    expect(await home.launcher.logTail(keyOf(), 10)).toEqual(['one', 'two', 'three'])
    expect(await home.launcher.logTail(keyOf(), 2)).toEqual(['two', 'three'])
    expect((await home.launcher.list())[0]?.logFile).toBe(join(home.folder(keyOf()), 'engine.log'))
  })

  test('is rotated while the engine keeps writing, and never grows past its files', async () => {
    await using home = await createHome({ rotation: { maxBytes: 4_000, keep: 2, everyMs: 20 } })
    const script = `let n = 0; setInterval(() => { for (let i = 0; i < 5; i++) console.log('line ' + String(n++).padStart(6, '0')) }, 5)`
    const { pid } = running((await home.launcher.launch(keyOf(), specOf(script))).state)
    const folder = home.folder(keyOf())
    const logs = async () => (await readdir(folder)).filter((name) => name.startsWith('engine.log')).toSorted()
    await until(async () => (await logs()).length === 3, 'two rotations')
    const seen = numbersIn(await home.launcher.logTail(keyOf(), 1))
    await until(async () => Math.max(...numbersIn(await home.launcher.logTail(keyOf(), 1))) > Math.max(...seen) + 2_000, 'it to go on')
    expect(await logs()).toEqual(['engine.log', 'engine.log.1', 'engine.log.2'])
    expect(running(await home.launcher.inspect(keyOf())).pid).toBe(pid)
    // In append mode: after a truncation it goes on at the start, and leaves no hole of zeros.
    expect(await readFile(join(folder, 'engine.log'), 'latin1')).not.toContain('\0')
    const tail = numbersIn(await home.launcher.logTail(keyOf(), 300))
    expect(tail).toEqual(tail.toSorted((a, b) => a - b))
  })

  test('its tail reaches into the last rotation', async () => {
    await using home = await createHome()
    await home.launcher.launch(keyOf(), specOf(RUNS))
    await writeFile(join(home.folder(keyOf()), 'engine.log.1'), 'a\nb\nc\n')
    await writeFile(join(home.folder(keyOf()), 'engine.log'), 'd\n')
    expect(await home.launcher.logTail(keyOf(), 3)).toEqual(['b', 'c', 'd'])
    expect(await home.launcher.logTail(keyOf(), 100)).toEqual(['a', 'b', 'c', 'd'])
    expect(await home.launcher.logTail(keyOf(), 0)).toEqual([])
  })

  test('its tail is read from the end, shows the last state of a progress bar and clips endless lines', async () => {
    await using home = await createHome()
    await home.launcher.launch(keyOf(), specOf(RUNS))
    const file = join(home.folder(keyOf()), 'engine.log')
    const many = Array.from({ length: 200_000 }, (_, n) => `a line of some length, number ${n}`)
    await writeFile(file, [...many, 'shards: 0%\rshards: 50%\rshards: 100%\r', 'ü'.repeat(2_000), ''].join('\n'))
    expect((await stat(file)).size).toBeGreaterThan(5_000_000)
    const tail = await home.launcher.logTail(keyOf(), 4_000)
    expect(tail).toHaveLength(4_000)
    expect(tail.slice(-3)).toEqual(['a line of some length, number 199999', 'shards: 100%', 'ü'.repeat(500)])
    expect(tail[0]).toBe('a line of some length, number 196002')
  })

  test('is empty for an engine that never was', async () => {
    await using home = await createHome()
    expect(await home.launcher.logTail(keyOf(), 10)).toEqual([])
  })
})

const numbersIn = (lines: string[]): number[] => lines.map((line) => Number(/^line (\d+)$/.exec(line)?.[1])).filter((n) => !Number.isNaN(n))
