import { describe, expect, test } from 'vitest'
import { chooseFiles, keepLoadable, type Consent } from '../../src/domain/weight-files.js'

const files = (...paths: string[]) => paths.map((path) => ({ path, size: 1 }))

describe('GGUF', () => {
  test('the only file is chosen', () => {
    expect(chooseFiles('gguf', files('a.gguf', 'README.md'))).toEqual({ files: ['a.gguf'], main: 'a.gguf' })
  })

  test('of several files none is guessed: the names are given', () => {
    expect(chooseFiles('gguf', files('b.gguf', 'a.gguf'))).toEqual({ problem: 'several GGUF files, name one with file: a.gguf, b.gguf' })
  })

  test('a named file must be there', () => {
    expect(chooseFiles('gguf', files('a.gguf', 'b.gguf'), 'b.gguf')).toEqual({ files: ['b.gguf'], main: 'b.gguf' })
    expect(chooseFiles('gguf', files('a.gguf'), 'c.gguf')).toEqual({ problem: 'no GGUF file c.gguf; there are: a.gguf' })
  })
})

describe('safetensors', () => {
  const repository = files(
    'config.json',
    'model-1.safetensors',
    'model.safetensors.index.json',
    'tokenizer.json',
    'merges.txt',
    'chat_template.jinja',
  )

  test('weights, configuration and tokenizer are chosen; folders and pictures are not', () => {
    const others = files('original/consolidated.safetensors', 'picture.png', 'README.md')
    expect(chooseFiles('safetensors', [...repository, ...others])).toEqual({ files: repository.map((file) => file.path).toSorted() })
  })

  test('a repository without weights is refused', () => {
    expect(chooseFiles('safetensors', files('config.json'))).toEqual({ problem: 'no safetensors file in the repository' })
  })

  test('pickles and code are chosen where consent let them pass', () => {
    expect(chooseFiles('safetensors', files('config.json', 'pytorch_model.bin', 'modeling.py'))).toEqual({
      files: ['config.json', 'modeling.py', 'pytorch_model.bin'],
    })
  })
})

describe('what may be loaded at all', () => {
  const kept = (paths: string[], consent: Partial<Consent> = {}) => {
    const { files: passed, refused } = keepLoadable(files(...paths), { pickle: false, code: false, ...consent })
    return [passed.map(({ path }) => path), refused.map(({ path }) => path)]
  }
  const both = [
    'config.json',
    'model.safetensors',
    'pytorch_model.bin',
    'modeling.py',
    'q4/a.gguf',
    'onnx/model.onnx',
    'sub/tokenizer.json',
  ]
  const pickles = [
    'config.json',
    'pytorch_model.bin',
    'consolidated.00.pth',
    'training_args.bin',
    'optimizer.pt',
    'modeling.py',
    'old/model.bin',
  ]

  test('neither pickles nor code pass by themselves', () => {
    expect(kept(both)).toEqual([['config.json', 'model.safetensors', 'q4/a.gguf'], []])
  })

  test('of a repository of pickles they are named as refused', () => {
    expect(kept(pickles)).toEqual([['config.json'], ['pytorch_model.bin', 'consolidated.00.pth']])
  })

  test('consent lets pickles pass only where there is nothing better, and code apart from them', () => {
    expect(kept(pickles, { pickle: true })).toEqual([['config.json', 'pytorch_model.bin', 'consolidated.00.pth'], []])
    expect(kept(both, { pickle: true })).toEqual([['config.json', 'model.safetensors', 'q4/a.gguf'], []])
    expect(kept(both, { code: true })).toEqual([['config.json', 'model.safetensors', 'modeling.py', 'q4/a.gguf'], []])
  })
})

test('weights that are kept a second time in the format of their maker are not fetched twice', () => {
  const files = ['config.json', 'consolidated.safetensors', 'model-1.safetensors'].map((path) => ({ path, size: 1 }))
  expect(chooseFiles('safetensors', files)).toEqual({ files: ['config.json', 'model-1.safetensors'] })
  expect(chooseFiles('safetensors', files.slice(0, 2))).toEqual({ files: ['config.json', 'consolidated.safetensors'] })
})
