import type { Report, View } from './report.js'

export const OUTPUT_FORMATS = ['table', 'wide', 'json', 'jsonl', 'yaml', 'name'] as const
export type OutputFormat = (typeof OUTPUT_FORMATS)[number]

/** The bytes for stdout. JSON is the stable form; text may change. */
export async function render(report: Report, format: OutputFormat, view: Omit<View, 'wide'>): Promise<string> {
  const { data } = report
  if (data === undefined && format !== 'name') return ''
  switch (format) {
    case 'json':
      return `${JSON.stringify(data, null, 2)}\n`
    case 'jsonl':
      return (Array.isArray(data) ? data : [data]).map((item) => `${JSON.stringify(item)}\n`).join('')
    case 'yaml': {
      const { stringify } = await import('yaml')
      return stringify(data, { lineWidth: 0, aliasDuplicateObjects: false })
    }
    case 'name':
      return report.names.map((name) => `${name}\n`).join('')
    case 'table':
    case 'wide':
      return report.text({ ...view, wide: format === 'wide' })
  }
}
