/** Values out of a Prometheus page by exact name, summed over all labels. Histograms of an engine make most of the page: they are passed over. */
export function readMetrics(page: string, names: readonly string[]): Record<string, number> {
  const values: Record<string, number> = {}
  for (const line of page.split('\n')) {
    const name = names.find((each) => line.startsWith(each) && (line[each.length] === '{' || line[each.length] === ' '))
    if (name === undefined) continue
    // A label may hold a brace; the value follows the last one, and a timestamp may follow the value.
    const [text = ''] = line
      .slice(Math.max(line.lastIndexOf('}') + 1, name.length))
      .trim()
      .split(/\s+/)
    const value = Number(text)
    if (text !== '' && Number.isFinite(value)) values[name] = (values[name] ?? 0) + value
  }
  return values
}
