import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { round, type Figure } from '../figure.js'
import { ours } from './clients.js'
import { BIG } from './models.js'

const KILLS = 10
const MIB = 1 << 20
/** The smallest part that is asked for in one request; later ones are larger. */
const PART_MIB = 8

/** Kills a download with -9 at random points, and counts what the next process fetches although it had been written. */
export async function resumeFigure(hub: string, out: string, note: (line: string) => void): Promise<Figure> {
  const again: number[] = []
  for (let kill = 0; kill < KILLS; kill += 1) {
    rmSync(out, { recursive: true, force: true })
    const child = spawn(process.execPath, [fileURLToPath(new URL('./ours.js', import.meta.url)), hub, BIG.repo, out], { stdio: 'ignore' })
    await sleep(600 + Math.random() * 2_500)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const written = writtenBytes(join(out, 'aim'))
    const { stdout } = await ours(hub, BIG.repo, out, '--unsynced')
    const { fetchedBytes } = JSON.parse(stdout) as { fetchedBytes: number }
    // The small files may have come before the kill or not: less than 50 kB.
    again.push(Math.max(0, fetchedBytes - (BIG.bytes - written)))
    note(`kill ${kill + 1}: ${round(written / MIB)} MiB were written, ${round((again.at(-1) ?? 0) / MIB)} MiB fetched again`)
  }
  rmSync(out, { recursive: true, force: true })
  const value = round(Math.max(...again) / MIB)
  const name = `most bytes fetched again after kill -9, ${KILLS} kills`
  return { name, value, unit: 'MiB', peer: null, bar: `<= 2 parts of at least ${PART_MIB} MiB`, holds: value <= 2 * PART_MIB }
}

/** The part file has holes where nothing was written yet, and takes room for the rest. */
function writtenBytes(partials: string): number {
  const part = readdirSync(partials).find((name) => name.endsWith('.part'))
  return part === undefined ? 0 : statSync(join(partials, part)).blocks * 512
}
