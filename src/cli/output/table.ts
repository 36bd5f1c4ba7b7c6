import stringWidth from 'string-width'
import type { Paint, Style } from './style.js'
import { visible } from './sanitize.js'

export type Cell = { text: string; style?: Style }
export type Align = 'left' | 'right'
export type TableColumn = { header: string; align?: Align; /** May be cut when the terminal is too narrow. */ flexible?: boolean }

const GAP = '  '
const NARROWEST = 8

/**
 * A table of plain columns, two spaces apart. Widths are terminal cells, so that CJK and emoji line up.
 * @param width Columns of the terminal; null (a pipe) never cuts.
 */
export function renderTable(columns: TableColumn[], rows: Cell[][], paint: Paint, width: number | null): string {
  const cells = rows.map((row) => row.map((cell) => ({ ...cell, text: visible(cell.text) })))
  const widths = fit(columns, naturalWidths(columns, cells), width)
  const header = columns.map(({ header: text }): Cell => ({ text, style: 'bold' }))
  return [header, ...cells].map((row) => `${line(columns, row, widths, paint)}\n`).join('')
}

function naturalWidths(columns: TableColumn[], rows: Cell[][]): number[] {
  return columns.map(({ header }, index) => Math.max(stringWidth(header), ...rows.map((row) => stringWidth(row[index]?.text ?? ''))))
}

/** Takes what is too much from the widest flexible column, again and again. */
function fit(columns: TableColumn[], natural: number[], width: number | null): number[] {
  const widths = [...natural]
  if (width === null) return widths
  let excess = widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1)) - width
  for (; excess > 0; excess--) {
    const widest = widths.reduce(
      (best, each, index) => (columns[index]?.flexible && each > NARROWEST && each > (widths[best] ?? 0) ? index : best),
      -1,
    )
    if (widest < 0) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}

function line(columns: TableColumn[], row: Cell[], widths: number[], paint: Paint): string {
  const cells = row.map(({ text, style }, index) => {
    const width = widths[index] ?? 0
    const shown = truncate(text, width)
    const padding = ' '.repeat(Math.max(0, width - stringWidth(shown)))
    const painted = style === undefined || shown === '' ? shown : paint(style, shown)
    if (columns[index]?.align === 'right') return padding + painted
    return index === row.length - 1 ? painted : painted + padding
  })
  return cells.join(GAP).trimEnd()
}

const graphemes = new Intl.Segmenter()

/** Cuts to `width` terminal cells, the last one an ellipsis; never inside a character. */
export function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let shown = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const next = used + stringWidth(segment)
    if (next > width - 1) break
    shown += segment
    used = next
  }
  return width < 1 ? '' : `${shown}…`
}
