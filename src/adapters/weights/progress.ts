import type { ModelFile, TransferProgress } from '../../contracts/model.js'

const TELL_MS = 250

/** Keeps count of one `ensure`, and tells about it four times a second and at the end. */
export type ProgressCount = {
  /** So many bytes of the file are on disk. */
  at(file: ModelFile, bytes: number): void
  /** So many bytes came over the network. */
  fetched(bytes: number): void
  finished(file: ModelFile): void
  fetchedBytes(): number
  /** Tells the final state when the work succeeded, and falls silent. */
  end(succeeded: boolean): void
}

/** Tells also when nothing moved: the listener decides what a standstill means. */
export function countProgress(files: ModelFile[], onProgress: (progress: TransferProgress) => void = () => {}): ProgressCount {
  const totalBytes = files.reduce((sum, file) => sum + file.size, 0)
  const done = new Map<string, number>()
  const finished = new Set<string>()
  let doneBytes = 0
  let fetchedBytes = 0
  let latest = files[0]?.path ?? ''

  function tell(): void {
    onProgress({ file: latest, doneBytes, totalBytes, fetchedBytes, filesDone: finished.size, filesTotal: files.length })
  }
  function at(file: ModelFile, bytes: number): void {
    const before = done.get(file.path) ?? 0
    if (bytes === before) return
    doneBytes += bytes - before
    done.set(file.path, bytes)
    latest = file.path
  }
  const timer = setInterval(tell, TELL_MS)
  return {
    at,
    fetched: (bytes) => void (fetchedBytes += bytes),
    finished(file) {
      at(file, file.size)
      finished.add(file.path)
    },
    fetchedBytes: () => fetchedBytes,
    end(succeeded) {
      clearInterval(timer)
      if (succeeded) tell()
    },
  }
}
