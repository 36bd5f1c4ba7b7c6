import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { render, type OutputFormat } from '../../../src/cli/output/render.js'
import { listReport, recordReport, silentReport, type Report } from '../../../src/cli/output/report.js'
import { paintFor, plainPaint } from '../../../src/cli/output/style.js'

const view = { paint: plainPaint, width: null, time: 'iso', now: 0 } as const
const show = (report: Report, format: OutputFormat) => render(report, format, view)

const two = listReport({
  items: [
    { name: 'a', size: 1 },
    { name: 'b', size: 2 },
  ],
  columns: [
    { header: 'NAME', value: ({ name }) => name },
    { header: 'SIZE', value: ({ size }) => String(size), wide: true },
  ],
  name: ({ name }) => name,
  empty: 'nothing',
})

describe('a list', () => {
  it('is one valid array in JSON, and one object a line in JSONL', async () => {
    expect(JSON.parse(await show(two, 'json'))).toEqual([
      { name: 'a', size: 1 },
      { name: 'b', size: 2 },
    ])
    expect(
      (await show(two, 'jsonl'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toHaveLength(2)
  })

  it('is the same data in YAML', async () => {
    expect(parse(await show(two, 'yaml'))).toEqual([
      { name: 'a', size: 1 },
      { name: 'b', size: 2 },
    ])
  })

  it('has names for scripts, and more columns when wide', async () => {
    expect(await show(two, 'name')).toBe('a\nb\n')
    expect(await show(two, 'table')).toBe('NAME\na\nb\n')
    expect(await show(two, 'wide')).toBe('NAME  SIZE\na     1\nb     2\n')
  })

  it('is an empty array, and no text but a remark, when there is nothing', async () => {
    const none = listReport({ items: [], columns: [], name: () => '', empty: 'nothing yet' })
    expect(await show(none, 'json')).toBe('[]\n')
    expect(await show(none, 'jsonl')).toBe('')
    expect(await show(none, 'table')).toBe('')
    expect(none.notes).toEqual(['nothing yet'])
  })
})

describe('a record', () => {
  it('is a block without the fields that are not known', async () => {
    const record = recordReport({
      data: { a: 1 },
      name: 'a',
      fields: () => [
        ['state', 'fine'],
        ['url', null],
        ['id', 'x'],
      ],
    })
    expect(await show(record, 'table')).toBe('state  fine\nid     x\n')
    expect(JSON.parse(await show(record, 'json'))).toEqual({ a: 1 })
  })
})

it('a silent report prints nothing in any form', async () => {
  for (const format of ['table', 'json', 'jsonl', 'yaml', 'name'] as const) expect(await show(silentReport(), format)).toBe('')
})

describe('colours', () => {
  const terminal = { isTTY: true }
  it.each([
    ['a terminal', terminal, {}, true, true],
    ['a pipe', {}, {}, true, false],
    ['NO_COLOR', terminal, { NO_COLOR: '1' }, true, false],
    ['--no-color', terminal, { FORCE_COLOR: '1' }, false, false],
    ['FORCE_COLOR on a pipe', {}, { FORCE_COLOR: '1' }, true, true],
    ['NO_COLOR against FORCE_COLOR', {}, { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, true, false],
  ])('%s', (_what, stream, env, flag, expected) => {
    expect(paintFor(stream, env, flag)('red', 'x') !== 'x').toBe(expected)
  })
})
