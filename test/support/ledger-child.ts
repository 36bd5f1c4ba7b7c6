/** A process of its own that appends to a ledger: node --import typescript-loader.mjs ledger-child.ts <folder> <name> <lines> */
import { createLedger } from '../../src/adapters/cache/ledger.js'

const [folder = '', name = '', lines = '0'] = process.argv.slice(2)
const ledger = createLedger({ folder })
const at = '2026-11-26T12:00:00.000Z'
for (let n = 0; n < Number(lines); n++) await ledger.append({ kind: 'released', at, endpoint: `${name}-${n}-${'x'.repeat(5_000)}` })
