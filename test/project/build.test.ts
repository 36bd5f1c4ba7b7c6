import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const CONFIG = ['scripts/build.mjs', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json']
const SOURCES = {
  'src/cli/main.ts': `import { one } from './one.js'\nprocess.exitCode = one\n`,
  'src/cli/one.ts': `export const one = 1\n`,
  'src/store/0001.sql': `create table deployments ();\n`,
  'workflows/index.ts': `export async function deployModel(input: string): Promise<string> {\n  return input\n}\n`,
}

let root: string

/** A small project with our build script and our compiler settings. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'aim-build-'))
  for (const file of CONFIG) await cp(file, join(root, file))
  for (const [file, text] of Object.entries(SOURCES)) await put(file, text)
  await symlink(join(process.cwd(), 'node_modules'), join(root, 'node_modules'))
})

afterAll(() => rm(root, { recursive: true, force: true }))

describe('npm run build', { timeout: 120_000 }, () => {
  test('two builds at once both succeed, and one of them builds', async () => {
    const [first, second] = await Promise.all([build(), build()])
    expect([first, second]).toEqual([
      { code: 0, output: '' },
      { code: 0, output: '' },
    ])
    expect(await outputs()).toEqual([
      '.stamp',
      '.tsbuildinfo',
      'src/cli/main.js',
      'src/cli/main.js.map',
      'src/cli/one.js',
      'src/cli/one.js.map',
      'src/store/0001.sql',
      'workflow-bundle.js',
      'workflows/index.js',
      'workflows/index.js.map',
    ])
    expect((await stat(join(root, 'dist/src/cli/main.js'))).mode & 0o111).toBe(0o111)
    expect(await readFile(join(root, 'dist/workflow-bundle.js'), 'utf8')).toContain('deployModel')
  })

  test('nothing is written when nothing changed', async () => {
    const before = await times()
    expect(await build()).toEqual({ code: 0, output: '' })
    expect(await times()).toEqual(before)
  })

  test('a change is built, and what its source lost is removed', async () => {
    await put('src/cli/main.ts', `process.exitCode = 2\n`)
    await rm(join(root, 'src/cli/one.ts'))
    expect(await build()).toEqual({ code: 0, output: '' })
    expect(await readFile(join(root, 'dist/src/cli/main.js'), 'utf8')).toContain('process.exitCode = 2')
    expect(await outputs()).not.toContain('src/cli/one.js')
  })

  test('a type error fails, names the file, and leaves the last good build', async () => {
    const before = await times()
    await put('src/cli/main.ts', `process.exitCode = 'two hundred' * 2\n`)
    const failed = await build()
    expect(failed.code).toBe(1)
    expect(failed.output).toContain('src/cli/main.ts(1,20): error TS2362')
    const { '.tsbuildinfo': _, ...after } = await times()
    expect(before).toMatchObject(after)
    expect((await build()).code).toBe(1)
  })
})

async function put(file: string, text: string): Promise<void> {
  await mkdir(join(root, file, '..'), { recursive: true })
  await writeFile(join(root, file), text)
}

function build(): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

async function outputs(): Promise<string[]> {
  const entries = await readdir(join(root, 'dist'), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + '/dist/'.length))
    .toSorted()
}

async function times(): Promise<Record<string, number>> {
  const found = await Promise.all((await outputs()).map(async (file) => [file, (await stat(join(root, 'dist', file))).mtimeMs] as const))
  return Object.fromEntries(found)
}
