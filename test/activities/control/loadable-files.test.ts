import { expect, test } from 'vitest'
import { withLoadableFiles } from '../../../activities/control/loadable-files.js'
import type { PinnedModel } from '../../../src/contracts/model.js'

const model = (...paths: string[]): PinnedModel => ({
  repo: 'org/old',
  ref: 'main',
  commit: 'a'.repeat(40),
  files: paths.map((path) => ({ path, size: 1, digest: { kind: 'sha256', hex: 'b'.repeat(64) } })),
})
const policy = (pickle: boolean) => ({ allowsPickle: () => pickle, allowsRemoteCode: () => false })

test('a repository of pickles is refused with the setting that would allow it', () => {
  expect(() => withLoadableFiles(model('config.json', 'pytorch_model-1.bin', 'pytorch_model-2.bin'), policy(false))).toThrow(
    expect.objectContaining({
      code: 'PickleRefused',
      message: 'the weights of org/old are pickles (pytorch_model-1.bin and 1 more), which can run code when they are loaded',
      fix: expect.stringContaining('AIM_ALLOW_PICKLE=org/old'),
    }),
  )
})

test('with consent its files are kept', () => {
  const { files } = withLoadableFiles(model('config.json', 'pytorch_model.bin', 'README.md'), policy(true))
  expect(files.map(({ path }) => path)).toEqual(['config.json', 'pytorch_model.bin'])
})
