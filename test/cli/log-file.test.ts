import { appendFileSync, copyFileSync, mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copySlice, newSlices, tailSlices, type LogSlice } from '../../src/cli/log-file.js'

let folder: string
let file: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aim-log-'))
  file = join(folder, 'engine.log')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function read(slices: LogSlice[] | null): Promise<string> {
  const chunks: Buffer[] = []
  for (const slice of slices ?? []) await copySlice(slice, (bytes) => chunks.push(bytes))
  return Buffer.concat(chunks).toString('utf8')
}

describe('tailSlices', () => {
  it.each([
    ['a\nb\nc\n', 2, 'b\nc\n'],
    ['a\nb\nc', 2, 'b\nc'],
    ['a\n', 5, 'a\n'],
    ['', 5, ''],
    ['\n\n\n', 2, '\n\n'],
    ['a\nb\n', 0, ''],
    ['a\nb\n', Number.POSITIVE_INFINITY, 'a\nb\n'],
  ])('of %j, %d lines', async (content, lines, expected) => {
    writeFileSync(file, content)
    expect(await read(await tailSlices(file, lines))).toBe(expected)
  })

  it('finds a line that began many blocks ago', async () => {
    const long = 'x'.repeat(200_000)
    writeFileSync(file, `first\n${long}\nlast\n`)
    expect(await read(await tailSlices(file, 2))).toBe(`${long}\nlast\n`)
  })

  it('goes on in the rotated files, in the order of their numbers', async () => {
    writeFileSync(`${file}.10`, 'oldest\n')
    writeFileSync(`${file}.2`, 'old\n')
    writeFileSync(`${file}.1`, 'new 1\nnew 2\n')
    writeFileSync(file, 'newest\n')
    expect(await read(await tailSlices(file, 3))).toBe('new 1\nnew 2\nnewest\n')
    expect(await read(await tailSlices(file, Number.POSITIVE_INFINITY))).toBe('oldest\nold\nnew 1\nnew 2\nnewest\n')
  })
})

describe('newSlices', () => {
  it('is what was appended, and nothing when nothing was', async () => {
    writeFileSync(file, 'a\n')
    const position = statSync(file).size
    expect(await read(await newSlices(file, position))).toBe('')
    appendFileSync(file, 'b\n')
    expect(await read(await newSlices(file, position))).toBe('b\n')
  })

  it('loses nothing when the log is copied away and begun anew', async () => {
    writeFileSync(file, 'seen\n')
    const position = statSync(file).size
    appendFileSync(file, 'unseen\n')
    copyFileSync(file, `${file}.1`)
    truncateSync(file, 0)
    appendFileSync(file, 'new\n')
    expect(await read(await newSlices(file, position))).toBe('unseen\nnew\n')
  })

  it('is null when the log is gone', async () => {
    expect(await newSlices(file, 10)).toBeNull()
  })

  it('goes on with the new log when no copy was kept', async () => {
    writeFileSync(file, 'new\n')
    expect(await read(await newSlices(file, 1000))).toBe('new\n')
  })
})
