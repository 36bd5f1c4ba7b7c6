import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const schema = JSON.parse(readFileSync('recipes/recipe.schema.json', 'utf8')) as { required: string[]; properties: Record<string, unknown> }

test('recipes/recipe.schema.json is what the schema says', () => {
  expect(schema).toEqual(JSON.parse(execFileSync(process.execPath, ['scripts/recipe-schema.mjs'], { encoding: 'utf8' })))
})

test('it asks for what has no default, and for nothing else', () => {
  expect(schema.required.toSorted()).toEqual(['backend', 'format', 'hardware', 'model', 'source'])
  expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['settings', 'args', 'env', 'benchmarks', 'command']))
})
