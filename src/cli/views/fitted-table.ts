import stringWidth from 'string-width'
import { tableOf, type Column, type View } from '../output/report.js'
import { truncate } from '../output/table.js'

const GAP = 2
/** Columns of a terminal below which a flexible column says too little, where it does not say so itself. */
const LEGIBLE = 12

export type PlanColumn<Item> = Column<Item> & {
  /** On a terminal that is too narrow the columns with 1 go first, then those with 2; without a number it stays. */
  drop?: number
  /** A flexible column wants so many columns of the terminal before the next one stays. */
  least?: number
  /** Its end says more than its beginning: it is cut from the left. */
  tail?: boolean
}

/** A table that is no wider than its terminal. A pipe, and `-o wide`, get every column whole. */
export function fittedTable<Item>(items: Item[], columns: PlanColumn<Item>[], view: View): string {
  const { width } = view
  if (view.wide || width === null) return tableOf(items, columns, view)
  const sized = columns
    .filter(({ wide }) => !wide)
    .map((column) => ({ column, natural: widthOf(items, column, view) }))
    .filter(({ column, natural }) => natural > 0 || column.drop === undefined)
  const drops = [...new Set(sized.flatMap(({ column }) => column.drop ?? []))].toSorted((a, b) => a - b)
  const kept = drops.reduce((rest, drop) => {
    const fits = room(rest, ({ least = LEGIBLE }) => least) <= width
    return fits ? rest : rest.filter(({ column }) => column.drop !== drop)
  }, sized)
  const level = levelOf(kept, width)
  return tableOf(
    items,
    kept.map(({ column }) => (column.tail === true ? fromTheEnd(column, level) : column)),
    view,
  )
}

type Sized<Item> = { column: PlanColumn<Item>; natural: number }

/** Width of the widest cell without its header; 0: every cell is empty. */
function widthOf<Item>(items: Item[], column: PlanColumn<Item>, view: View): number {
  return Math.max(0, ...items.map((item) => stringWidth(column.value(item, view) ?? '')))
}

/** Width of all of them, when each flexible one is cut to `most`. */
function room<Item>(sized: Sized<Item>[], most: (column: PlanColumn<Item>) => number): number {
  const widths = sized.map(({ column, natural }) => {
    const whole = Math.max(natural, stringWidth(column.header))
    return column.flexible === true ? Math.min(whole, most(column)) : whole
  })
  return widths.reduce((sum, each) => sum + each, GAP * (widths.length - 1))
}

/** What the widest flexible columns get when all of them are cut alike, as tables do it. */
function levelOf<Item>(sized: Sized<Item>[], width: number): number {
  let level = Math.max(LEGIBLE, ...sized.map(({ natural }) => natural))
  while (level > 1 && room(sized, () => level) > width) level -= 1
  return level
}

/** Cuts from the left, so that the table has nothing left to cut. */
function fromTheEnd<Item>(column: PlanColumn<Item>, width: number): PlanColumn<Item> {
  const reversed = (text: string) => Array.from(text).toReversed().join('')
  const cut = (text: string | null) => text && reversed(truncate(reversed(text), width))
  return { ...column, value: (item, view) => cut(column.value(item, view)) }
}
