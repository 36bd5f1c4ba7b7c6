import { appendFile, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLedger } from '../../../src/adapters/cache/ledger.js'
import type { CacheEvent } from '../../../src/domain/cache/event.js'
import { startChild } from '../../support/children.js'
import { temporaryFolder } from '../../support/sample-model.js'

const released = (endpoint: string, at = '2026-11-26T12:00:00.000Z'): CacheEvent => ({ kind: 'released', at, endpoint })
let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => folder.remove())
const names = (events: CacheEvent[]): string[] => events.map((event) => (event.kind === 'released' ? event.endpoint : event.kind))

describe('the ledger of a cache', () => {
  it('keeps every kind of event, a file a month, oldest first', async () => {
    const ledger = createLedger({ folder: join(folder.path, 'ledger') })
    expect(await ledger.read()).toEqual([])
    const pin = { repo: 'org/a', commit: null, actor: 'ada@host', reason: 'weekly "batch"\n{"v":1,"kind":"' }
    const events: CacheEvent[] = [
      {
        kind: 'fetched',
        at: '2026-10-01T00:00:00.000Z',
        repo: 'org/a',
        commit: 'c',
        files: [{ path: 'f', digest: 'd', bytes: 1, source: 'hub x' }],
        sources: { hub: 1 },
        ms: 5,
      },
      { kind: 'failed', at: '2026-10-01T00:00:01.000Z', repo: 'org/a', commit: 'c', code: 'DiskFull' },
      {
        kind: 'asked',
        at: '2026-10-02T00:00:00.000Z',
        repo: 'org/a',
        commit: 'c',
        endpoint: null,
        outcome: 'miss',
        bytes: 1,
        fetchedBytes: 1,
        ms: 5,
      },
      { kind: 'served', at: '2026-10-03T00:00:00.000Z', endpoint: 'chat', repo: 'org/a', commit: 'c' },
      { kind: 'verified', at: '2026-11-03T00:00:00.000Z', repo: 'org/a', good: ['d'], bad: [] },
      { kind: 'evicted', at: '2026-11-04T00:00:00.000Z', repo: 'org/a', commit: 'c', bytes: 1, digests: ['d'], reason: 'test' },
      { kind: 'pinned', at: '2026-11-05T00:00:00.000Z', ...pin },
      { kind: 'unpinned', at: '2026-11-06T00:00:00.000Z', ...pin },
      released('chat', '2026-12-01T00:00:00.000Z'),
    ]
    for (const event of events.toReversed()) await ledger.append(event)
    expect(await ledger.read()).toEqual(events)
    expect(await readdir(join(folder.path, 'ledger'))).toEqual(['2026-10.jsonl', '2026-11.jsonl', '2026-12.jsonl'])
  })

  it('that is followed reads only what was appended, by whomever, and each line once', async () => {
    const ledger = createLedger({ folder: folder.path })
    const now = ledger.follow()
    expect(await now()).toEqual([])
    const file = join(folder.path, '2026-11.jsonl')
    for (const endpoint of ['a', 'b']) await ledger.append(released(endpoint))
    expect(names(await now())).toEqual(['a', 'b'])
    const first = await readFile(file, 'utf8')
    await writeFile(file, ' '.repeat(first.length - 1) + '\n') // what it has read it does not read again
    await createLedger({ folder: folder.path }).append(released('c'))
    await ledger.append(released('december', '2026-12-01T00:00:00.000Z'))
    expect(names(await now())).toEqual(['a', 'b', 'c', 'december'])
    const line = (await readFile(file, 'utf8')).trim().replace('"c"', '"d"')
    await appendFile(file, line.slice(0, 30))
    expect(names(await now())).toEqual(['a', 'b', 'c', 'december'])
    await appendFile(file, `${line.slice(30)}\n`)
    expect(names(await now())).toEqual(['a', 'b', 'c', 'd', 'december'])
    await writeFile(file, '')
    expect(names(await now())).toEqual(['december'])
  })

  it('loses a torn line, lines of another version and what is none, and nothing else', async () => {
    const ledger = createLedger({ folder: folder.path })
    const file = join(folder.path, '2026-11.jsonl')
    await ledger.append(released('a'))
    const whole = await readFile(file, 'utf8')
    await appendFile(file, whole.slice(0, 30)) // killed in the middle of the write
    await ledger.append(released('b'))
    await appendFile(
      file,
      '{"v":2,"kind":"released","at":"2026-11-26T12:00:00.000Z","endpoint":"new"}\nnoise\n{"v":1,"kind":"of tomorrow"}\n',
    )
    await ledger.append(released('c'))
    await writeFile(join(folder.path, 'notes.txt'), whole)
    expect(names(await ledger.read())).toEqual(['a', 'b', 'c'])
  })

  it('takes lines of several processes at once, each whole', { timeout: 60_000 }, async () => {
    const script = new URL('../../support/ledger-child.ts', import.meta.url)
    const children = ['p', 'q', 'r'].map((name) => startChild(script, [folder.path, name, '200']))
    expect(await Promise.all(children.map((child) => child.ended))).toEqual([0, 0, 0])
    const events = names(await createLedger({ folder: folder.path }).read())
    expect(events).toHaveLength(600)
    expect(new Set(events).size).toBe(600)
  })

  it('whose place is taken by a file tells it once and fails nobody, but a pin', async () => {
    await writeFile(join(folder.path, 'aim'), '')
    const path = join(folder.path, 'aim', 'ledger')
    const warnings: string[] = []
    const ledger = createLedger({ folder: path, onWarning: (text) => warnings.push(text) })
    await ledger.append(released('a'))
    await ledger.append(released('b'))
    expect(warnings).toEqual([expect.stringContaining('statistics of the cache are lost')])
    await expect(ledger.record(released('c'))).rejects.toMatchObject({ code: 'CacheUnwritable' })
  })
})
