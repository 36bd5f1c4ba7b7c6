import stringWidth from 'string-width'
import type { ExitCode } from '../exit-codes.js'
import { visible } from './sanitize.js'
import type { Paint, Style } from './style.js'
import { renderTable, type Align, type Cell } from './table.js'
import type { TimeFormat } from './units.js'

/** How text is wanted. `width` is null where nothing may be cut. */
export type View = { paint: Paint; wide: boolean; width: number | null; time: TimeFormat; now: number }

/** What a command answers: data for programs, text for people; the renderer alone chooses. */
export type Report = {
  data: unknown
  /** What `-o name` prints, one a line. */
  names: string[]
  text(view: View): string
  /** For people, on stderr: next commands, remarks. */
  notes?: string[]
  exit?: ExitCode
}

export type Column<Item> = {
  header: string
  value: (item: Item, view: View) => string | null
  style?: (item: Item) => Style | undefined
  align?: Align
  flexible?: boolean
  /** Only with `-o wide`. */
  wide?: boolean
}

type Extra = { notes?: string[]; exit?: ExitCode }

/** A list: one array in JSON, one line an item elsewhere. `empty` is what people read when there is none. */
export function listReport<Item>(
  list: { items: Item[]; columns: Column<Item>[]; name: (item: Item) => string; empty: string; data?: unknown[] } & Extra,
): Report {
  const { items, columns, name, empty, data = items, ...extra } = list
  if (items.length === 0) return { ...extra, data, names: [], text: () => '', notes: [empty, ...(extra.notes ?? [])] }
  return { ...extra, data, names: items.map(name), text: (view) => tableOf(items, columns, view) }
}

export function tableOf<Item>(items: Item[], columns: Column<Item>[], view: View): string {
  const shown = columns.filter(({ wide }) => view.wide || !wide)
  const rows = items.map((item) =>
    shown.map(({ value, style }): Cell => {
      const chosen = style?.(item)
      return { text: value(item, view) ?? '-', ...(chosen && { style: chosen }) }
    }),
  )
  return renderTable(shown, rows, view.paint, view.wide ? null : view.width)
}

export type Field = [label: string, value: string | null, style?: Style]

/** One thing: an object in JSON, a block of `label  value` elsewhere. Fields that are null are left out. */
export function recordReport(record: { data: unknown; name: string | null; fields: (view: View) => Field[] } & Extra): Report {
  const { data, name, fields, ...extra } = record
  return { ...extra, data, names: name === null ? [] : [name], text: (view) => block(fields(view), view.paint) }
}

function block(fields: Field[], paint: Paint): string {
  const known = fields.filter((field): field is [string, string, Style?] => field[1] !== null)
  const width = Math.max(...known.map(([label]) => stringWidth(label)))
  return known
    .map(([label, value, style]) => `${paint('dim', label.padEnd(width))}  ${style ? paint(style, visible(value)) : visible(value)}\n`)
    .join('')
}

/** For commands that have nothing to say, or have said it as a stream. */
export const silentReport = (exit: ExitCode = 0, notes: string[] = []): Report => ({
  data: undefined,
  names: [],
  text: () => '',
  notes,
  exit,
})
