import { describe, expect, test } from 'vitest'
import { chooseFiles } from '../../src/domain/weight-files.js'

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
  test('weights, configuration and tokenizer are chosen; pickles, code, folders and pictures are not', () => {
    const repository = files(
      'config.json',
      'model-1.safetensors',
      'model.safetensors.index.json',
      'tokenizer.json',
      'merges.txt',
      'chat_template.jinja',
    )
    const others = files('pytorch_model.bin', 'modeling.py', 'original/consolidated.safetensors', 'picture.png', 'README.md')
    expect(chooseFiles('safetensors', [...repository, ...others])).toEqual({ files: repository.map((file) => file.path).toSorted() })
  })

  test('a repository of pickles only is refused', () => {
    expect(chooseFiles('safetensors', files('config.json', 'pytorch_model.bin'))).toEqual({
      problem: 'no safetensors file in the repository',
    })
  })
})

test('weights that are kept a second time in the format of their maker are not fetched twice', () => {
  const files = ['config.json', 'consolidated.safetensors', 'model-1.safetensors'].map((path) => ({ path, size: 1 }))
  expect(chooseFiles('safetensors', files)).toEqual({ files: ['config.json', 'model-1.safetensors'] })
  expect(chooseFiles('safetensors', files.slice(0, 2))).toEqual({ files: ['config.json', 'consolidated.safetensors'] })
})
