import { spawnSync } from 'node:child_process'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { byFlag, shellLines, shellWord } from '../../../src/engines/render/shell.js'
import { argument, wordsByBash } from './support.js'

test.each([
  ['/data/hf/a.b', '/data/hf/a.b'],
  ['--port=8100', '--port=8100'],
  ['', "''"],
  ['a b', "'a b'"],
  ["it's", String.raw`'it'\''s'`],
  ['~', "'~'"],
  ['=ls', "'=ls'"],
  ['{"a":1}', `'{"a":1}'`],
])('%j becomes %s', (word, text) => {
  expect(shellWord(word)).toBe(text)
})

test('bash reads any words back as they were', () => {
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1, maxLength: 5 }), (words) => {
      expect(wordsByBash(shellLines([['env'], ...byFlag(words)]))).toEqual(words)
    }),
    { numRuns: 150 },
  )
})

test('so does a plain POSIX shell', () => {
  const words = ["a'b", '$(id)', '`id`', '\\', 'x\ny', '!!', '猫 😀']
  const { stdout } = spawnSync('sh', ['-c', shellLines([['printf', String.raw`%s\0`], ...byFlag(words)])], { encoding: 'utf8' })
  expect(stdout.split('\0').slice(0, -1)).toEqual(words)
})

test('each flag stands in a line of its own, with its values', () => {
  const words = ['vllm', 'serve', '/m', '--port', '1', '--switch', '--x=-1']
  expect(byFlag(words)).toEqual([['vllm', 'serve', '/m'], ['--port', '1'], ['--switch'], ['--x=-1']])
  expect(shellLines(byFlag(words))).toBe('vllm serve /m \\\n  --port 1 \\\n  --switch \\\n  --x=-1\n')
})
