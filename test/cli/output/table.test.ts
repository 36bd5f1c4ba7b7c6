import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { colourPaint, plainPaint } from '../../../src/cli/output/style.js'
import { renderTable, truncate } from '../../../src/cli/output/table.js'

const rowsOf = (...rows: string[][]) => rows.map((row) => row.map((text) => ({ text })))

describe('renderTable', () => {
  it('lines columns up in terminal cells, also after wide characters', () => {
    const table = renderTable(
      [{ header: 'NAME' }, { header: 'STATE' }],
      rowsOf(['模型', 'serving'], ['smol', 'serving'], ['🚀', 'serving']),
      plainPaint,
      null,
    )
    const columns = table
      .trimEnd()
      .split('\n')
      .map((line) => stringWidth(line.slice(0, line.search(/STATE|serving/))))
    expect(columns).toEqual([6, 6, 6, 6])
  })

  it('puts numbers to the right', () => {
    expect(renderTable([{ header: 'PID', align: 'right' }, { header: 'X' }], rowsOf(['7', 'a'], ['4242', 'b']), plainPaint, null)).toBe(
      ' PID  X\n   7  a\n4242  b\n',
    )
  })

  it('cuts only flexible columns, only on a terminal, and keeps to its width', () => {
    const columns = [{ header: 'NAME' }, { header: 'REASON', flexible: true }]
    const rows = rowsOf(['a-name-that-stays', 'a reason that is far too long for this terminal'])
    const cut = renderTable(columns, rows, plainPaint, 40)
    expect(Math.max(...cut.split('\n').map((line) => stringWidth(line)))).toBe(40)
    expect(cut).toContain('a-name-that-stays  a reason that is far…')
    expect(renderTable(columns, rows, plainPaint, null)).toContain('far too long for this terminal\n')
  })

  it('shows control characters instead of sending them', () => {
    expect(renderTable([{ header: 'X' }], rowsOf(['a\u001b[2Jb\nc']), plainPaint, null)).toBe('X\na\\x1b[2Jb\\x0ac\n')
  })

  it('pads by what is seen, not by the codes of a colour', () => {
    const table = renderTable([{ header: 'A' }, { header: 'B' }], [[{ text: 'x', style: 'green' }, { text: 'y' }]], colourPaint, null)
    expect(table.split('\n')[1]).toBe('\u001b[32mx\u001b[39m  y')
  })
})

describe('truncate', () => {
  it('never cuts inside a character', () => {
    expect(truncate('👨‍👩‍👧‍👦 family', 4)).toBe('👨‍👩‍👧‍👦 …')
    expect(truncate('模型模型', 4)).toBe('模…')
    expect(truncate('short', 5)).toBe('short')
  })
})
