import { closeSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { boundLog, openLog, sizeOf, tailOf } from '../../src/embedded/log-file.js'
import { testFolder } from './programs.js'

test('a log that is over its limit is moved aside while its program goes on writing', async () => {
  const file = join(await testFolder(), 'logs', 'server.log')
  const writer = openLog(file)
  writeSync(writer, 'first\n')
  boundLog(file, 6)
  expect(readFileSync(file, 'utf8')).toBe('first\n')
  writeSync(writer, 'second\n')
  boundLog(file, 6)
  writeSync(writer, 'third\n')
  closeSync(writer)
  expect(readFileSync(`${file}.1`, 'utf8')).toBe('first\nsecond\n')
  expect(readFileSync(file, 'utf8')).toBe('third\n')
})

test('the tail is of what was written since, and of no more lines than asked', async () => {
  const file = join(await testFolder(), 'server.log')
  expect(tailOf(file, 0, 5)).toEqual([])
  writeFileSync(file, 'earlier\n')
  const begin = sizeOf(file)
  expect(tailOf(file, begin, 5)).toEqual([])
  writeFileSync(file, 'a\nb\nc\n', { flag: 'a' })
  expect(tailOf(file, begin, 2)).toEqual(['b', 'c'])
})
