import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'

/**
 * A thread that hashes files behind the frontier of their download, so that a file is verified as soon as its last byte is there. It reads
 * what was just written, which is still in the page cache.
 */
export type HashCommand =
  /** `prelude` is hashed first: git's blobs begin with their size. */
  | { kind: 'start'; id: number; path: string; algorithm: 'sha256' | 'sha1'; prelude: string }
  /** So many bytes from the beginning are there. */
  | { kind: 'advance'; id: number; frontier: number }
  /** No more bytes will come: answer the digest of the first `frontier`. */
  | { kind: 'finish'; id: number; frontier: number }
  | { kind: 'drop'; id: number }
export type HashAnswer = { id: number; hex: string } | { id: number; error: string }

type Task = { id: number; fd: number; hash: Hash; at: number; frontier: number; finish: boolean }

const READ_BYTES = 1 << 20
/** So much of one file, then another one has its turn. */
const TURN_BYTES = 16 << 20

const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
const tasks = new Map<number, Task>()
let scheduled = false

parentPort?.on('message', (command: HashCommand) => {
  try {
    obey(command)
  } catch (error) {
    fail(command.id, error)
  }
})

function obey(command: HashCommand): void {
  if (command.kind === 'start') {
    const { id, path, algorithm, prelude } = command
    const fd = openSync(path, 'r')
    tasks.set(id, { id, fd, hash: createHash(algorithm).update(prelude), at: 0, frontier: 0, finish: false })
    return
  }
  const task = tasks.get(command.id)
  if (task === undefined) return // it failed, and has said so
  if (command.kind === 'drop') return end(task)
  task.frontier = command.frontier
  task.finish = command.kind === 'finish'
  schedule()
}

function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(() => {
    scheduled = false
    for (const task of tasks.values()) {
      try {
        turn(task)
      } catch (error) {
        fail(task.id, error)
      }
    }
    if ([...tasks.values()].some(({ at, frontier }) => at < frontier)) schedule()
  })
}

function turn(task: Task): void {
  const until = Math.min(task.frontier, task.at + TURN_BYTES)
  while (task.at < until) {
    const bytes = readSync(task.fd, buffer, 0, Math.min(READ_BYTES, until - task.at), task.at)
    if (bytes === 0) throw new Error('the part file shrank while it was read')
    task.hash.update(bytes === READ_BYTES ? buffer : buffer.subarray(0, bytes))
    task.at += bytes
  }
  if (!task.finish || task.at < task.frontier) return
  answer({ id: task.id, hex: task.hash.digest('hex') })
  end(task)
}

function fail(id: number, error: unknown): void {
  answer({ id, error: error instanceof Error ? error.message : String(error) })
  const task = tasks.get(id)
  if (task !== undefined) end(task)
}

function end(task: Task): void {
  tasks.delete(task.id)
  closeSync(task.fd)
}

function answer(message: HashAnswer): void {
  parentPort?.postMessage(message)
}
