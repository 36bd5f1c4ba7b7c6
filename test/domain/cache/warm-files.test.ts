import { expect, test } from 'vitest'
import { filesToWarm } from '../../../src/domain/cache/warm-files.js'

const files = (...paths: string[]) => paths.map((path) => ({ path, size: 1 }))
const both = files('config.json', 'model.safetensors', 'q4.gguf', 'q8.gguf')

test('safetensors where the repository has them', () => {
  expect(filesToWarm(both, {})).toEqual({ files: ['config.json', 'model.safetensors'] })
})

test('else its one GGUF file, and of several the one that is named', () => {
  expect(filesToWarm(files('q4.gguf'), {})).toMatchObject({ files: ['q4.gguf'] })
  expect(filesToWarm(files('q4.gguf', 'q8.gguf'), {})).toEqual({ problem: 'several GGUF files, name one with file: q4.gguf, q8.gguf' })
  expect(filesToWarm(both, { file: 'q8.gguf' })).toMatchObject({ files: ['q8.gguf'] })
})

test('a format that is asked for is taken, or its absence is told', () => {
  expect(filesToWarm(files('config.json', 'model.safetensors', 'q4.gguf'), { format: 'gguf' })).toMatchObject({ files: ['q4.gguf'] })
  expect(filesToWarm(files('q4.gguf'), { format: 'safetensors' })).toEqual({ problem: 'no safetensors file in the repository' })
})

test('where there is neither, both are named', () => {
  expect(filesToWarm(files('config.json'), {})).toEqual({
    problem: 'no safetensors file in the repository; no GGUF file in the repository',
  })
})
