import { BLOCK_BYTES } from '../part-file.js'
import { createConnectionLimit } from './connection-limit.js'
import { DEFAULT_PARTS, type PartTuning } from './part-tuning.js'
import { laggards } from './laggards.js'
import { LAGGING, startFileTransfer, type FileErrand, type FileTransfer } from './file-transfer.js'

/** The connections of this process, shared by all files and all downloads. */
export type Pool = {
  /** Brings what a part file lacks. Settles when nothing of it is under way any more. */
  bring(errand: FileErrand): Promise<void>
}

const TICK_MS = 300
/** A part takes about so long: short enough to be shared well, long enough that asking for it does not count. */
const PART_MS = 2_000

export type PoolOptions = {
  /** Most connections. */
  most: number
  /** How many files are brought side by side while there are connections for all; the others wait, so that each is whole early. */
  files: number
  parts?: PartTuning
}

export function createPool({ most, files, parts = DEFAULT_PARTS }: PoolOptions): Pool {
  const transfers: FileTransfer[] = []
  const limit = createConnectionLimit(most)
  let busy = 0
  let bytes = 0
  let partBytes = parts.leastBytes
  let timer: NodeJS.Timeout | undefined

  /** Of the first files that have parts left, the one with fewest connections; else one whose last part can be shared. */
  function next(): FileTransfer | undefined {
    const ready = transfers.filter((transfer) => transfer.hasParts()).slice(0, files)
    const [fewest] = ready.toSorted((a, b) => a.active().length - b.active().length)
    return fewest ?? transfers.find((transfer) => transfer.hasShare())
  }

  function wake(): void {
    while (busy < limit.now()) {
      const transfer = next()
      if (transfer === undefined) return
      void connect(transfer)
    }
  }

  async function connect(transfer: FileTransfer): Promise<void> {
    busy += 1
    await transfer.work(partBytes)
    busy -= 1
    wake()
  }

  function tick(): void {
    const rate = bytes / TICK_MS
    bytes = 0
    limit.observe(rate, busy)
    if (busy > 0) partBytes = partFor(rate / busy, parts)
    for (const transfer of transfers)
      for (const range of laggards(transfer.active(), transfer.rates(), parts, performance.now())) range.abort.abort(LAGGING)
    wake() // a part may have become worth sharing
  }

  return {
    async bring(errand) {
      const counted = {
        ...errand,
        onBytes: (count: number, source: Parameters<FileErrand['onBytes']>[1]) => {
          bytes += count
          errand.onBytes(count, source)
        },
      }
      const transfer = startFileTransfer(counted, parts, wake)
      transfers.push(transfer)
      timer ??= setInterval(tick, TICK_MS)
      wake()
      try {
        await transfer.ended
      } finally {
        transfers.splice(transfers.indexOf(transfer), 1)
        if (transfers.length === 0) {
          clearInterval(timer)
          timer = undefined
        }
      }
    },
  }
}

/** `rate` in bytes per ms, of one connection. */
function partFor(rate: number, { leastBytes, mostBytes }: PartTuning): number {
  const wanted = Math.min(mostBytes, Math.max(leastBytes, rate * PART_MS))
  return Math.round(wanted / BLOCK_BYTES) * BLOCK_BYTES
}
