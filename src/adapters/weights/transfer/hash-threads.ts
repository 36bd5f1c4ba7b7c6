import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { ModelFile } from '../../../contracts/model.js'
import { requireCompiledFile } from '../../compiled.js'
import type { HashAnswer, HashCommand } from './hash-worker.js'

/** Hashes one file that grows from its beginning. */
export type FollowingHash = {
  /** So many bytes from the beginning are on disk. */
  advance(frontier: number): void
  /** Digest of the whole file, once it is all there. */
  digest(): Promise<string>
  /** Gives up; a running `digest` is not answered any more. */
  drop(): void
}

export type HashThreads = { count: number; follow(path: string, file: ModelFile): FollowingHash; close(): Promise<void> }

/** Half of the cores: the other half moves bytes. One thread hashes 1.5 GB/s and more where the processor has SHA instructions. */
const MOST_THREADS = 8
/** A message to a thread costs more than hashing a few kB. */
const TELL_BYTES = 4 << 20

/** Threads that hash files while they arrive; each starts with its first file, and ends with `close`. */
export function createHashThreads(): HashThreads {
  const count = Math.max(1, Math.min(MOST_THREADS, Math.floor(availableParallelism() / 2)))
  const threads: (Thread | undefined)[] = Array.from({ length: count })
  let ids = 0
  return {
    count,
    follow(path, file) {
      const id = (ids += 1)
      const running = threads[id % count]
      const thread = running === undefined || running.failure() !== null ? startThread() : running
      threads[id % count] = thread
      return followOn(thread, id, path, file)
    },
    async close() {
      await Promise.all(threads.splice(0).flatMap((thread) => (thread === undefined ? [] : [thread.end()])))
    },
  }
}

function followOn(thread: Thread, id: number, path: string, { digest: { kind }, size }: ModelFile): FollowingHash {
  const isGit = kind === 'git-sha1'
  let told = 0
  thread.tell({ kind: 'start', id, path, algorithm: isGit ? 'sha1' : 'sha256', prelude: isGit ? `blob ${size}\0` : '' })
  return {
    advance(frontier) {
      if (frontier - told < TELL_BYTES) return
      told = frontier
      thread.tell({ kind: 'advance', id, frontier })
    },
    digest() {
      const answer = thread.answerFor(id)
      thread.tell({ kind: 'finish', id, frontier: size })
      return answer
    },
    drop() {
      thread.tell({ kind: 'drop', id })
    },
  }
}

type Thread = {
  tell(command: HashCommand): void
  answerFor(id: number): Promise<string>
  failure(): Error | null
  end(): Promise<unknown>
}
type Asker = { resolve(hex: string): void; reject(error: Error): void }

function startThread(): Thread {
  const worker = new Worker(requireCompiledFile('adapters/weights/transfer/hash-worker.js'))
  const askers = new Map<number, Asker>()
  const early = new Map<number, Error>() // a file that could not be read, before anybody asked for its digest
  let failure: Error | null = null
  worker.on('message', (answer: HashAnswer) => {
    const asker = askers.get(answer.id)
    askers.delete(answer.id)
    if ('hex' in answer) asker?.resolve(answer.hex)
    else if (asker === undefined) early.set(answer.id, new Error(answer.error))
    else asker.reject(new Error(answer.error))
  })
  worker.on('error', (error: Error) => {
    failure = error
    for (const asker of askers.values()) asker.reject(error)
    askers.clear()
  })
  worker.unref() // a download keeps the process, not a thread that waits for one
  return {
    tell: (command) => worker.postMessage(command),
    answerFor: (id) =>
      new Promise((resolve, reject) => {
        const known = failure ?? early.get(id)
        early.delete(id)
        if (known) reject(known)
        else askers.set(id, { resolve, reject })
      }),
    failure: () => failure,
    end: () => worker.terminate(),
  }
}
