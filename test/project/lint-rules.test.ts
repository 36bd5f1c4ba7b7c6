import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const PLANTED: [file: string, text: string, rule: string][] = [
  ['workflows/clock.ts', `export const used = (): number => performance.now()\n`, 'no-restricted-globals'],
  ['workflows/environment.ts', `export const used = (): unknown => process.env\n`, 'no-restricted-globals'],
  ['workflows/random.ts', `export const used = (): string => crypto.randomUUID()\n`, 'no-restricted-globals'],
  ['workflows/network.ts', `export const used = async (): Promise<unknown> => fetch('http://127.0.0.1')\n`, 'no-restricted-globals'],
  ['workflows/timer.ts', `import { setTimeout } from 'node:timers/promises'\nexport const used = setTimeout\n`, 'no-restricted-imports'],
  ['workflows/activity.ts', `import { thing } from '../activities/control/thing.js'\nexport const used = thing\n`, 'no-restricted-imports'],
  [
    'workflows/inline.ts',
    `import { type Thing } from '../activities/control/thing.js'\nexport type Used = Thing\n`,
    'no-import-type-side-effects',
  ],
  ['workflows/worker.ts', `import { Worker } from '@temporalio/worker'\nexport const used = Worker\n`, 'no-restricted-imports'],
  ['src/domain/random.ts', `export const used = (): number => Math.random()\n`, 'no-restricted-properties'],
  ['src/engines/clock.ts', `export const used = (): number => Date.now()\n`, 'no-restricted-properties'],
  ['src/client/floating.ts', `export function used(work: () => Promise<void>): void {\n  work()\n}\n`, 'no-floating-promises'],
  ['src/client/misused.ts', `export const used = (work: Promise<boolean>): number => (work ? 1 : 2)\n`, 'no-misused-promises'],
  ['src/client/awaited.ts', `export const used = async (size: number): Promise<number> => await size\n`, 'await-thenable'],
  [
    'src/client/switch.ts',
    `export function used(kind: 'a' | 'b'): number {\n  switch (kind) {\n    case 'a':\n      return 1\n  }\n  return 2\n}\n`,
    'switch-exhaustiveness-check',
  ],
  [
    'src/client/type.ts',
    `import { Thing } from './thing.js'\nexport const used = (thing: Thing): Thing => thing\n`,
    'consistent-type-imports',
  ],
  ['src/client/any.ts', `export const used = (thing: any): string => String(thing)\n`, 'no-explicit-any'],
  ['src/client/default.ts', `export default function used(): void {}\n`, 'no-default-export'],
  ['src/client/console.ts', `console.log('hello')\nexport const used = 1\n`, 'no-console'],
  ['src/client/swallow.ts', `export function used(work: () => void): void {\n  try {\n    work()\n  } catch {}\n}\n`, 'no-empty'],
]

const LEGAL: [file: string, text: string][] = [
  [
    'workflows/legal.ts',
    `import type { Thing } from '../activities/control/thing.js'\nexport const used = (thing: Thing): number => thing.size + Date.now()\n`,
  ],
  ['src/cli/legal.ts', `console.log('hello')\nexport const used = 1\n`],
]

type Report = { diagnostics: { code: string; filename: string }[] }

let root: string
let found: string[]

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'aim-lint-'))
  for (const file of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) await cp(file, join(root, file))
  await symlink(join(process.cwd(), 'node_modules'), join(root, 'node_modules'))
  for (const file of ['activities/control/thing.ts', 'src/client/thing.ts'])
    await put(file, 'export type Thing = { size: number }\nexport const thing: Thing = { size: 1 }\n')
  for (const [file, text] of [...PLANTED, ...LEGAL]) await put(file, text)
  const { diagnostics } = await oxlint(root)
  found = diagnostics.map(({ code, filename }) => `${filename}: ${code.replace(/^.*\(|\)$/g, '')}`)
}, 60_000)

afterAll(() => rm(root, { recursive: true, force: true }))

describe('the lint rules, over a planted tree', () => {
  test.each(PLANTED.map(([file, text, rule]) => [rule, file, text] as const))('%s is found in %s', (rule, file) => {
    expect(found).toContain(`${file}: ${rule}`)
  })

  test.each(LEGAL)('nothing is found in %s', (file) => {
    expect(found.filter((line) => line.startsWith(`${file}:`))).toEqual([])
  })
})

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, file)), { recursive: true })
  await writeFile(join(root, file), text)
}

function oxlint(cwd: string): Promise<Report> {
  return new Promise((resolve, reject) => {
    execFile(
      join(process.cwd(), 'node_modules/.bin/oxlint'),
      ['-f', 'json', 'src', 'workflows', 'activities'],
      { cwd, timeout: 50_000, killSignal: 'SIGTERM' },
      (_error, stdout, stderr) => {
        if (stdout === '') return reject(new Error(stderr))
        resolve(JSON.parse(stdout) as Report)
      },
    )
  })
}
