import { appendFile, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLedger } from '../../../src/adapters/cache/ledger.js'
import { COMMANDS } from '../../../src/cli/commands/index.js'
import { cacheDu } from '../../../src/cli/commands/cache-du.js'
import { cacheLs } from '../../../src/cli/commands/cache-ls.js'
import { cachePin, cacheUnpin } from '../../../src/cli/commands/cache-pin.js'
import { cachePrune } from '../../../src/cli/commands/cache-prune.js'
import { cacheReport } from '../../../src/cli/commands/cache-report.js'
import { cacheShow } from '../../../src/cli/commands/cache-show.js'
import { cacheStats } from '../../../src/cli/commands/cache-stats.js'
import { cacheVerify } from '../../../src/cli/commands/cache-verify.js'
import type { Report } from '../../../src/cli/output/report.js'
import type { PruneReport } from '../../../src/domain/cache/prune.js'
import { sha256, temporaryFolder } from '../../support/sample-model.js'
import { testCli } from '../support.js'

const COMMIT = 'c'.repeat(40)
const DAY = 86_400_000
let home: Awaited<ReturnType<typeof temporaryFolder>>

beforeEach(async () => {
  home = await temporaryFolder()
  await writeModel('models--org--a', 'the weights of a')
  await writeModel('models--org--b', 'those of b')
})
afterEach(() => home.remove())

/** A model of one file and one branch, last read ten days ago. */
async function writeModel(folder: string, content: string): Promise<void> {
  const root = join(home.path, 'hub', folder)
  for (const name of ['blobs', 'refs', `snapshots/${COMMIT}`]) await mkdir(join(root, name), { recursive: true })
  const digest = sha256(Buffer.from(content))
  await writeFile(join(root, 'blobs', digest), content)
  await symlink(`../../blobs/${digest}`, join(root, 'snapshots', COMMIT, 'model.safetensors'))
  await writeFile(join(root, 'refs', 'main'), COMMIT)
  const at = new Date(Date.now() - 10 * DAY)
  for (const path of [`blobs/${digest}`, `snapshots/${COMMIT}`]) await utimes(join(root, path), at, at)
}

const hub = (...path: string[]): string => join(home.path, 'hub', ...path)
const ledger = () => createLedger({ folder: join(home.path, 'aim', 'ledger') })
const cliAt = (options: Parameters<typeof testCli>[0] = {}) =>
  testCli({ ...options, env: { HF_HOME: home.path, AIM_HOME: join(home.path, 'state'), AIM_NODE_ID: 'node-1', ...options.env } })

async function text(report: Report, options: Parameters<typeof testCli>[0] = {}): Promise<string> {
  const { cli, out } = cliAt(options)
  await cli.print(report)
  return out()
}

describe('aim cache', () => {
  test('ls shows each revision with node, size, last use, users and state', async () => {
    await ledger().append({
      kind: 'asked',
      at: new Date(Date.now() - 2 * DAY).toISOString(),
      repo: 'org/a',
      commit: COMMIT,
      endpoint: 'chat',
      outcome: 'hit',
      bytes: 16,
      fetchedBytes: 0,
      ms: 1,
    })
    const report = await cacheLs(cliAt().cli)
    const lines = (await text(report)).split('\n')
    expect(lines[0]?.split(/ {2,}/)).toEqual(['NODE', 'MODEL', 'REV', 'SIZE', 'LAST USED', 'USED BY', 'STATE'])
    expect(lines[1]?.split(/ {2,}/)).toEqual(['node-1', 'org/a', 'cccccccccccc main', '16 B', '2d ago', 'chat', 'in use'])
    expect(lines[2]?.split(/ {2,}/)).toEqual(['node-1', 'org/b', 'cccccccccccc main', '10 B', '10d ago', '-', 'idle'])
    expect(report.notes).toContain(`26 B in ${hub()}`)
  })

  test('show takes a branch or the beginning of a commit, and names those that are near', async () => {
    const show = (target: string) => cacheShow(cliAt().cli, [target])
    for (const target of ['org/a', 'ORG/A@main', 'org/a@cccc']) expect(await text(await show(target))).toContain('model.safetensors')
    await expect(show('org/aa')).rejects.toMatchObject({ code: 'NotCached', message: expect.stringContaining('org/a') })
    await expect(show('org/a@dddd')).rejects.toMatchObject({ code: 'NotCached' })
    await expect(show('../a')).rejects.toMatchObject({ code: 'InvalidInput', message: expect.stringContaining('MODEL: must') })
  })

  test('du tells what nobody knows, and what is free', async () => {
    await writeFile(hub('notes.txt'), 'mine')
    const report = await cacheDu(cliAt().cli)
    expect(report.data).toMatchObject({
      bytes: 26,
      repositories: [
        { repo: 'org/a', weights: 16 },
        { repo: 'org/b', weights: 10 },
      ],
    })
    expect(await text(report)).toContain(`left alone: ${hub('notes.txt')} (4 B): is no folder of a repository`)
  })

  test('prune without a limit takes leftovers only, and says how to set one', async () => {
    const report = await cachePrune(cliAt().cli, [], {})
    expect(report.data).toMatchObject({ removed: [], kept: [] })
    expect(report.notes?.join()).toContain('no limit is set')
  })

  test('prune shows what would go and why, and asks: where nobody can answer it removes nothing', async () => {
    await cachePin(cliAt().cli, ['org/b'], { reason: 'weekly' })
    const { cli, err } = cliAt()
    await expect(cachePrune(cli, [], { maxSize: 0 })).rejects.toMatchObject({ code: 'ConfirmationNeeded' })
    expect(err()).toMatch(/GOES .*\norg\/a@cccccccccccc +16 B +least recently used: at most 0 B in the cache/)
    expect(err()).toMatch(/STAYS .*\norg\/b@cccccccccccc +10 B +it is pinned/)
    expect((await readdir(hub())).toSorted()).toEqual(['models--org--a', 'models--org--b'])
  })

  test('a dry run lists what the run with -y removes, and settings are the defaults', async () => {
    const env = { AIM_CACHE_MAX: '20B' }
    const dry = await cachePrune(cliAt({ env }).cli, [], { dryRun: true })
    const done = await cachePrune(cliAt({ env }).cli, [], { yes: true })
    const removed = (report: Report) => (report.data as PruneReport).removed
    expect(removed(dry)).toHaveLength(1)
    expect(removed(done)).toEqual(removed(dry))
    expect((await readdir(hub())).filter((name) => name !== '.locks')).toHaveLength(1)
  })

  test('pin and unpin of one revision; the ledger knows who and why', async () => {
    await cachePin(cliAt().cli, ['org/a@main'], { reason: 'batch' })
    expect(await ledger().read()).toMatchObject([
      { kind: 'pinned', repo: 'org/a', commit: COMMIT, actor: expect.stringContaining('@'), reason: 'batch' },
    ])
    const states = async () => ((await cacheLs(cliAt().cli)).data as { repo: string; state: string }[]).map(({ state }) => state)
    expect(await states()).toEqual(['pinned', 'idle'])
    await cacheUnpin(cliAt().cli, ['org/a@main'], {})
    expect(await states()).toEqual(['idle', 'idle'])
  })

  test('verify: right, then wrong with exit code 1; progress goes to stderr', async () => {
    const { cli, err } = cliAt({ flags: { progress: 'plain' } })
    const right = await cacheVerify(cli, [], {})
    expect(right).toMatchObject({ exit: 0, data: { checkedFiles: 2, bad: [] } })
    expect(err()).toMatch(/verify: done/)
    await appendFile(hub('models--org--a/blobs', sha256(Buffer.from('the weights of a'))), '!')
    const wrong = await cacheVerify(cliAt().cli, ['org/a'], {})
    expect(wrong).toMatchObject({ exit: 1, data: { bad: [{ repo: 'org/a', path: 'model.safetensors', state: 'wrong' }] } })
    expect(await text(wrong)).toContain('wrong')
    expect(wrong.notes?.join()).toContain('aim cache verify --repair')
  })

  test('verify that is interrupted ends with what it had', async () => {
    const { cli, interrupt } = cliAt()
    interrupt()
    await expect(cacheVerify(cli, [], {})).rejects.toMatchObject({ name: 'Interrupted' })
  })

  test('stats and report of a cache that nobody asked yet, and of one with a history', async () => {
    expect((await cacheStats(cliAt().cli)).notes?.join()).toContain('nothing was asked for')
    const at = (days: number): string => new Date(Date.now() - days * DAY).toISOString()
    const file = { path: 'model.safetensors', digest: 'd', bytes: 1_000, source: 'hub https://hub.example' }
    for (const days of [9, 8])
      await ledger().append({ kind: 'fetched', at: at(days), repo: 'org/a', commit: COMMIT, files: [file], ms: 1_000 })
    for (const [days, outcome] of [
      [9, 'miss'],
      [1, 'hit'],
    ] as const)
      await ledger().append({
        kind: 'asked',
        at: at(days),
        repo: 'org/a',
        commit: COMMIT,
        endpoint: null,
        outcome,
        bytes: 1_000,
        fetchedBytes: outcome === 'hit' ? 0 : 1_000,
        ms: 5,
      })
    const stats = await text(await cacheStats(cliAt().cli))
    expect(stats).toContain('1 of 2 (50 %)')
    expect(stats).toContain('1.0 kB, about 1.0 s of fetching')
    expect(stats).toMatch(/org\/a +2 +1 +1\.0 kB +\. \. \. \. 1 \. \. \. \. \. \. \. 1 \./)
    const report = await cacheReport(cliAt().cli, [], { idle: 5 })
    expect(report.data).toMatchObject({ fetchedAgain: [{ times: 1, afterEviction: 0 }], unused: [{ repo: 'org/b' }] })
    expect(await text(report)).toMatch(/IF EVICTED .*\norg\/a +cccccccccccc +16 B +16 ms\norg\/b/)
    expect(await text(report)).toContain('fetched more than once: 1.0 kB; of that because it had been evicted: 0 B')
  })

  test.each([
    ['--max-size', '5 bananas'],
    ['--free', '120%'],
    ['--free', '20%-10%'],
    ['--older-than', 'soon'],
    ['--keep-revisions', '0'],
  ])('prune refuses %s %s before anything is looked at', (flag, value) => {
    const option = COMMANDS.find(({ name }) => name === 'cache prune')?.options?.find(({ flags }) => flags.startsWith(flag))
    expect(() => option?.parse?.(value)).toThrow(/It must be/)
  })
})
