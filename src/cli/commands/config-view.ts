import { SETTINGS, type SettingName } from '../../config/settings.js'
import type { Origin } from '../../config/load.js'
import type { Cli } from '../cli.js'
import { listReport, type Column, type Report } from '../output/report.js'

export type ConfigViewOptions = { origin?: boolean }

type Row = { name: SettingName; value: string | number | null; origin: Origin; variable: string; about: string }

const COLUMNS: Column<Row>[] = [
  { header: 'SETTING', value: ({ name }) => name },
  { header: 'VALUE', value: ({ value }) => (value === null ? null : String(value)), flexible: true },
  { header: 'ORIGIN', value: ({ origin }) => origin },
  { header: 'VARIABLE', value: ({ variable }) => variable },
  { header: 'ABOUT', value: ({ about }) => about, wide: true },
]

export async function configView(cli: Cli, _args: string[], { origin }: ConfigViewOptions): Promise<Report> {
  const { settings, origins } = await cli.configuration()
  const rows = (Object.keys(SETTINGS) as SettingName[]).map((name): Row => ({
    name,
    value: shown(name, settings[name]),
    origin: origins[name],
    variable: SETTINGS[name].env,
    about: SETTINGS[name].about,
  }))
  const columns = COLUMNS.filter(({ header }) => origin === true || (header !== 'ORIGIN' && header !== 'VARIABLE'))
  return listReport({ items: rows, columns, name: ({ name }) => name, empty: '' })
}

function shown(name: SettingName, value: string | number | undefined): string | number | null {
  if (value === undefined) return null
  return 'secret' in SETTINGS[name] ? '(set, not shown)' : value
}
