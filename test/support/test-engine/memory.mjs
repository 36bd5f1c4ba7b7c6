// GPU memory that this process says it holds: a file for each process in a folder that the virtual node reads. No GPU is touched.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Beside the engines of the node that started us, which its marker names. */
export function memoryFolder(env) {
  return env.AIM_ENGINE_DIR === undefined ? null : join(dirname(env.AIM_ENGINE_DIR), 'simulated')
}

/** `share` is a part of a GPU's whole memory. */
export function hold(folder, gpus, share, pid = process.pid, name = 'vllm') {
  if (folder === null || gpus.length === 0) return
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${pid}.json`)
  const entry = { pid, startTime: startTimeOf(pid), name, gpus: gpus.map((index) => ({ index, share })) }
  writeFileSync(`${file}.tmp`, JSON.stringify(entry))
  renameSync(`${file}.tmp`, file)
}

export function letGo(folder, pid = process.pid) {
  if (folder !== null) rmSync(join(folder, `${pid}.json`), { force: true })
}

/** The part of a GPU's memory that others hold: living processes, and what leaked. Entries in bytes count on a card of 192 GiB. */
export function heldShare(folder, gpu) {
  if (folder === null) return 0
  return entriesOf(folder)
    .filter(({ pid, startTime }) => pid !== process.pid && (pid === null || startTimeOf(pid) === startTime))
    .flatMap(({ gpus }) => gpus.filter(({ index }) => index === gpu))
    .reduce((sum, { share, bytes }) => sum + (share ?? bytes / (192 * 2 ** 30)), 0)
}

function entriesOf(folder) {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
  } catch (error) {
    if (error.code === 'ENOENT') return [] // nobody holds anything, or somebody has just let go
    throw error
  }
}

/** Null: there is no such process. */
function startTimeOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : Number(fields[19])
  } catch {
    return null
  }
}
