import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { render } from '../../../src/engines/render/index.js'
import { argument, inputOf, wordsByBash } from './support.js'

test('the command can be pasted: its variables, then its words', () => {
  expect(render('command', inputOf())).toBe(
    `env \\
  HF_HUB_OFFLINE=1 \\
  HIP_VISIBLE_DEVICES=2,3 \\
  /usr/local/bin/vllm serve /data/hf/hub/models--a--b/snapshots/0123 \\
  --host 0.0.0.0 \\
  --port 8100 \\
  --block-size=1
`,
  )
})

test('without variables it is the command alone', () => {
  const text = render('command', inputOf({ spec: { gpus: [] }, command: { argv: ['/opt/engine', '--model', 'a b'], env: {} } }))
  expect(text).toBe("/opt/engine \\\n  --model 'a b'\n")
})

test('bash reads variables and words back as they were', () => {
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 4 }), argument, (args, value) => {
      const argv: [string, ...string[]] = ['/opt/engine', ...args]
      const text = render('command', inputOf({ spec: { gpus: [1] }, command: { argv, env: { A: value } } }))
      expect(wordsByBash(text)).toEqual([`A=${value}`, 'HIP_VISIBLE_DEVICES=1', ...argv])
    }),
    { numRuns: 100 },
  )
})
