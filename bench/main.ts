import { parseArgs } from 'node:util'
import { figureLine, type Bench, type Figure } from './figure.js'
import { download } from './download.js'
import { heal } from './heal.js'
import { help } from './help.js'
import { nodeLoss } from './node-loss.js'
import { overhead } from './overhead.js'
import { ready } from './ready.js'
import { saveResults } from './results.js'
import { select } from './select.js'
import { size } from './size.js'
import { thousand } from './thousand.js'

const BENCHES: Bench[] = [download, heal, help, nodeLoss, overhead, ready, select, size, thousand]

/** `npm run bench -- NAME [--json] [--save]`: one line per figure; exit 1 when a bar is missed. */
async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' }, save: { type: 'boolean' } } })
  const wanted = positionals.length === 0 ? BENCHES : BENCHES.filter((bench) => positionals.includes(bench.name))
  const unknown = positionals.find((name) => !BENCHES.some((bench) => bench.name === name))
  if (unknown !== undefined) {
    process.stderr.write(`no benchmark ${unknown}; there are:\n${BENCHES.map(({ name, about }) => `  ${name}: ${about}\n`).join('')}`)
    return 2
  }
  const figures: Figure[] = []
  for (const bench of wanted) {
    const measured = await bench.run((line) => process.stderr.write(`${bench.name}: ${line}\n`))
    for (const figure of measured) process.stdout.write(`${values.json ? JSON.stringify(figure) : figureLine(figure)}\n`)
    figures.push(...measured)
  }
  if (values.save) await saveResults(figures)
  return figures.some((figure) => figure.holds === false) ? 1 : 0
}

process.exitCode = await main()
