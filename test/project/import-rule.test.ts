import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

type Outcome = { modules: number; unseen: string[]; violations: { rule: string; from: string; to: string }[] }

/** What stands in each room of the planted tree, for others to import. */
const STANDING = [
  'src/domain',
  'src/contracts',
  'src/engines',
  'src/ports',
  'src/config',
  'src/adapters/hub',
  'src/adapters/store',
  'src/embedded',
  'src/client',
  'src/cli',
  'src/api',
  'src/worker',
  'src/hub-server',
  'src/telemetry',
  'src/peer-server',
  'src/llamacpp-server',
  'src/quickstart',
  'workflows',
  'activities/control',
]

const value = (target: string): string => `import { thing } from '${target}'\nexport const used = thing\n`
const type = (target: string): string => `import type { Thing } from '${target}'\nexport const used = (thing: Thing): Thing => thing\n`
const lazy = (target: string): string => `export const used = async (): Promise<unknown> => import('${target}')\n`
const reexport = (target: string): string => `export { thing } from '${target}'\n`
const npm = (name: string): string => `import * as thing from '${name}'\nexport const used = thing\n`

/** One row a violation: the room it stands in, its text, and the rule that must name it. */
const PLANTED: [room: string, text: string, rule: string][] = [
  ['src/domain', value('../contracts/standing.js'), 'domain-imports'],
  ['src/domain', type('../contracts/standing.js'), 'domain-imports'],
  ['src/domain', npm('zod'), 'domain-imports'],
  ['src/domain', npm('node:fs'), 'domain-imports'],
  ['src/domain', npm('path'), 'domain-imports'],
  ['src/contracts', value('../engines/standing.js'), 'contracts-imports'],
  ['src/contracts', npm('node:crypto'), 'contracts-imports'],
  ['src/contracts', npm('pino'), 'contracts-imports'],
  ['src/engines', value('../ports/standing.js'), 'engines-imports'],
  ['src/engines', npm('node:path'), 'engines-imports'],
  ['src/engines', npm('zod'), 'engines-imports'],
  ['src/ports', value('../adapters/hub/standing.js'), 'ports-imports'],
  ['src/ports', npm('node:stream'), 'ports-types-only'],
  ['src/ports', `import type { Stats } from 'node:fs'\nexport type Used = Stats\n`, 'ports-imports'],
  ['workflows', value('../activities/control/standing.js'), 'workflows-types-only'],
  ['workflows', reexport('../activities/control/standing.js'), 'workflows-types-only'],
  ['workflows', lazy('../activities/control/standing.js'), 'workflows-types-only'],
  ['workflows', type('../src/ports/standing.js'), 'workflows-imports'],
  ['workflows', value('../src/adapters/hub/standing.js'), 'workflows-imports'],
  ['workflows', npm('node:timers/promises'), 'workflows-imports'],
  ['workflows', npm('@temporalio/client'), 'workflows-imports'],
  ['workflows', npm('zod'), 'workflows-types-only'],
  ['activities/node', value('../../src/adapters/hub/standing.js'), 'activities-imports'],
  ['activities/node', type('../../src/adapters/hub/standing.js'), 'activities-imports'],
  ['activities/node', value('../../src/config/standing.js'), 'activities-imports'],
  ['activities/node', npm('node:fs/promises'), 'activities-imports'],
  ['activities/node', npm('@temporalio/workflow'), 'activities-imports'],
  ['src/config', value('../adapters/hub/standing.js'), 'config-imports'],
  ['src/adapters/hub', value('../../client/standing.js'), 'adapters-imports'],
  ['src/adapters/hub', value('../../../workflows/standing.js'), 'adapters-imports'],
  ['src/embedded', value('../adapters/hub/standing.js'), 'embedded-imports'],
  ['src/client', value('../../workflows/standing.js'), 'client-types-only'],
  ['src/client', value('../config/standing.js'), 'client-types-only'],
  ['src/client', value('../adapters/hub/standing.js'), 'client-imports'],
  ['src/client', npm('@temporalio/workflow'), 'client-imports'],
  ['src/cli', value('../adapters/hub/standing.js'), 'cli-imports'],
  ['src/cli', value('../worker/standing.js'), 'cli-lazily'],
  ['src/cli', value('../ports/standing.js'), 'cli-types-only'],
  ['src/api', value('../embedded/standing.js'), 'api-imports'],
  ['src/api', lazy('../worker/standing.js'), 'api-imports'],
  ['src/api', value('../ports/standing.js'), 'api-types-only'],
  ['src/telemetry', value('../adapters/hub/standing.js'), 'telemetry-imports'],
  ['src/telemetry', npm('node:fs'), 'telemetry-imports'],
  ['src/llamacpp-server', value('../engines/standing.js'), 'llamacpp-server-imports'],
  ['src/hub-server', value('../adapters/hub/standing.js'), 'hub-server-imports'],
  ['src/peer-server', value('../config/standing.js'), 'peer-server-imports'],
  ['src/peer-server', npm('fastify'), 'peer-server-imports'],
  ['src/quickstart', value('../embedded/standing.js'), 'quickstart-imports'],
  ['src/worker', value('../cli/standing.js'), 'worker-imports'],
  ['src/worker', value('../../test/support/standing.js'), 'worker-imports'],
  ['src/misc', value('../domain/standing.js'), 'known-room'],
  ['src/adapters/hub', value('./nowhere.js'), 'no-unresolvable'],
  ['src/adapters/hub', npm('no-such-package'), 'no-unresolvable'],
  ['src/adapters/hub', npm('typescript'), 'no-dev-dependency'],
  ['src/adapters/hub', npm('webpack'), 'no-unlisted-dependency'],
  ['src/domain', 'export const alone = 1\n', 'no-orphans'],
]

/** What the rule lets pass, so that it cannot hold by forbidding everything. */
const LEGAL: [room: string, text: string][] = [
  ['src/contracts', npm('zod')],
  ['src/engines', value('../contracts/standing.js')],
  ['src/ports', `import type { Readable } from 'node:stream'\nexport type Used = Readable\n`],
  ['workflows', type('../activities/control/standing.js')],
  ['workflows', npm('@temporalio/workflow')],
  ['activities/node', value('../../src/ports/standing.js')],
  ['activities/node', npm('@temporalio/activity')],
  ['activities/node', npm('node:timers/promises')],
  ['src/adapters/hub', npm('node:fs')],
  ['src/client', type('../../workflows/standing.js')],
  ['src/client', npm('@temporalio/client')],
  ['src/cli', lazy('../worker/standing.js')],
  ['src/cli', type('../ports/standing.js')],
  ['src/telemetry', npm('prom-client')],
  ['src/worker', value('../../workflows/standing.js')],
  ['src/worker', value('../../activities/control/standing.js')],
  ['src/worker', value('../adapters/hub/standing.js')],
  ['src/worker', value('../peer-server/standing.js')],
]

let root: string
let planted: Outcome

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'aim-imports-'))
  await cp('package.json', join(root, 'package.json'))
  await symlink(join(process.cwd(), 'node_modules'), join(root, 'node_modules'))
  await put('test/support/standing.ts', 'export const thing = 1\n')
  for (const room of STANDING)
    await put(`${room}/standing.ts`, 'export type Thing = { size: number }\nexport const thing: Thing = { size: 1 }\n')
  for (const [index, [room, text]] of PLANTED.entries()) await put(`${room}/planted-${index}.ts`, text)
  for (const [index, [room, text]] of LEGAL.entries()) await put(`${room}/legal-${index}.ts`, text)
  await put('src/domain/circle-a.ts', `import { b } from './circle-b.js'\nexport const a = (): number => b()\n`)
  await put('src/domain/circle-b.ts', `import { a } from './circle-a.js'\nexport const b = (): number => a()\n`)
  planted = await importRule(root)
}, 120_000)

afterAll(() => rm(root, { recursive: true, force: true }))

describe('the import rule, over a planted tree', () => {
  test('looks at every module', () => {
    expect(planted.unseen).toEqual([])
    expect(planted.modules).toBe(STANDING.length + PLANTED.length + LEGAL.length + 3)
  })

  const forbidden = PLANTED.map(
    ([room, text, rule], index) => [`${rule} in ${room}: ${firstLine(text)}`, `${room}/planted-${index}.ts`, rule] as const,
  )
  test.each(forbidden)('forbids %s', (_title, file, rule) => {
    expect(planted.violations.filter(({ from }) => from === file).map((violation) => violation.rule)).toContain(rule)
  })

  const legal = LEGAL.map(([room, text], index) => [`${room}: ${firstLine(text)}`, `${room}/legal-${index}.ts`] as const)
  test.each(legal)('allows %s', (_title, file) => {
    expect(planted.violations.filter(({ from }) => from === file)).toEqual([])
  })

  test('has a planted violation for every rule', () => {
    const { forbidden: rules } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as { forbidden: { name: string }[] }
    const bitten = new Set([...PLANTED.map(([, , rule]) => rule), 'no-circular'])
    expect([...bitten].toSorted()).toEqual(rules.map(({ name }) => name).toSorted())
  })

  test('no-circular names a circle of files', () => {
    expect(planted.violations.filter(({ rule }) => rule === 'no-circular').map(({ from }) => from)).toContain('src/domain/circle-a.ts')
  })
})

describe('the import rule', { timeout: 60_000 }, () => {
  test('fails on a tree in which there is nothing to look at', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'aim-imports-'))
    try {
      await mkdir(join(empty, 'src'))
      await expect(importRule(empty)).resolves.toEqual({ modules: 0, unseen: [], violations: [], code: 1 })
    } finally {
      await rm(empty, { recursive: true, force: true })
    }
  })

  test('holds for this project', async () => {
    const { code, modules, unseen, violations } = await importRule('.')
    expect(violations).toEqual([])
    expect(unseen).toEqual([])
    expect(modules).toBeGreaterThan(50)
    expect(code).toBe(0)
  })
})

function firstLine(text: string): string {
  return text.split('\n')[0] ?? ''
}

async function put(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, file)), { recursive: true })
  await writeFile(join(root, file), text)
}

function importRule(folder: string): Promise<Outcome & { code: number }> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['scripts/import-rule.mjs', folder, '--json'], (error, stdout, stderr) => {
      if (stdout === '') return reject(new Error(stderr))
      resolve({ ...(JSON.parse(stdout) as Outcome), code: error === null ? 0 : Number(error.code) })
    })
  })
}
