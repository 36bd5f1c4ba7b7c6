import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { figureLine, type Figure } from './figure.js'

const FILE = new URL('../../bench/RESULTS.md', import.meta.url)

/** Keeps the last run of each figure, with the machine that it was measured on. */
export async function saveResults(figures: Figure[]): Promise<void> {
  const kept = await readFile(FILE, 'utf8').catch(() => '')
  const lines = new Map(kept.split('\n').flatMap((line) => (line.startsWith('- ') ? [[nameOf(line), line] as const] : [])))
  for (const figure of figures) lines.set(figure.name, `- ${figureLine(figure)} (${new Date().toISOString().slice(0, 10)})`)
  await writeFile(
    FILE,
    `# Results\n\nLast run of each figure, by \`npm run bench -- NAME --save\`. ${machine()}\n\n${[...lines.values()].toSorted().join('\n')}\n`,
  )
}

const nameOf = (line: string): string => line.slice(2, line.indexOf(':'))

function machine(): string {
  const gib = Math.round(totalmem() / 2 ** 30)
  return `Machine: ${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${gib} GiB, Node ${process.version}, no GPU; shared and noisy, so ratios count.`
}
