/**
 * Lets a child process of a test run our TypeScript as it is, without a build: `node --import <this file> child.ts`.
 * Each file is only stripped of its types (isolatedModules holds for the whole tree).
 */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire, register } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) register(import.meta.url)

/** To load the compiler takes longer than most children live: what it made of a file is kept under the digest of both. */
const KEPT = fileURLToPath(new URL('../../node_modules/.cache/typescript-loader', import.meta.url))
const { version } = createRequire(import.meta.url)('typescript/package.json')

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context)
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || !specifier.startsWith('.') || !specifier.endsWith('.js')) throw error
    return next(specifier.replace(/\.js$/, '.ts'), context)
  }
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const file = fileURLToPath(url)
  const text = await readFile(file, 'utf8')
  const kept = join(KEPT, createHash('sha256').update(`${version}\0${file}\0${text}`).digest('hex'))
  const source = (await readFile(kept, 'utf8').catch(() => null)) ?? (await transpile(file, text, kept))
  return { format: 'module', source, shortCircuit: true }
}

async function transpile(fileName, text, kept) {
  const { default: ts } = await import('typescript')
  const { outputText } = ts.transpileModule(text, {
    fileName,
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true, inlineSourceMap: true },
  })
  await mkdir(KEPT, { recursive: true })
  await writeFile(`${kept}.${process.pid}`, outputText)
  await rename(`${kept}.${process.pid}`, kept)
  return outputText
}
