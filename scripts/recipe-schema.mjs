// Prints the JSON Schema of a recipe file, from the schema in src/contracts/recipe.ts; with --write it replaces recipes/recipe.schema.json.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import { z } from 'zod'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const SOURCE = join(ROOT, 'src/contracts/recipe.ts')
const TARGET = join(ROOT, 'recipes/recipe.schema.json')

const { RecipeFile } = await load(SOURCE)
const { $schema, ...schema } = z.toJSONSchema(RecipeFile, { io: 'input' })
const text = `${JSON.stringify({ $schema, title: 'Recipe of AIM Engine', ...schema }, null, 2)}\n`
if (process.argv.includes('--write')) {
  writeFileSync(TARGET, text)
  execFileSync(join(ROOT, 'node_modules/.bin/oxfmt'), [TARGET])
} else process.stdout.write(text)

/** Imports a module of the sources without building the project: it and what it imports are compiled into a folder that goes away again. */
async function load(source) {
  const cache = join(ROOT, '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'recipe-schema-'))
  try {
    compile(source, folder, new Set())
    return await import(pathToFileURL(targetOf(source, folder)).href)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function compile(source, folder, done) {
  if (done.has(source)) return
  done.add(source)
  const text = readFileSync(source, 'utf8')
  const { outputText } = ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext } })
  const target = targetOf(source, folder)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, outputText)
  for (const { fileName } of ts.preProcessFile(outputText).importedFiles) {
    if (fileName.startsWith('.')) compile(join(dirname(source), fileName).replace(/\.js$/, '.ts'), folder, done)
  }
}

function targetOf(source, folder) {
  return join(folder, relative(ROOT, source)).replace(/\.ts$/, '.js')
}
