/** A process that holds the records, for a test that kills it: `holder.ts <folder> <deployment as JSON>`. */
import { openRecords } from '../../../src/adapters/store/open.js'

const records = await openRecords({ databaseUrl: undefined, folder: process.argv[2]!, env: {}, onWarning: () => {} })
await records.begin(JSON.parse(process.argv[3]!))
process.stdout.write('begun\n')
setInterval(() => {}, 60_000)
