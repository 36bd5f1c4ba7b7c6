import type { ModelFile, TransferProgress } from '../../contracts/model.js'
import type { FetchedFile } from '../../domain/cache/event.js'
import type { WeightSource } from '../../ports/weight-source.js'

type Source = Pick<WeightSource, 'kind' | 'name'>

const TELL_MS = 250

/** Keeps count of one `ensure`, and tells about it four times a second and at the end. */
export type ProgressCount = {
  /** How many bytes of the file are there, whenever it is asked. */
  follow(file: ModelFile, bytes: () => number): void
  /** So many bytes of the file came over the network. */
  fetched(file: ModelFile, bytes: number, source: Source): void
  finished(file: ModelFile): void
  fetchedBytes(): number
  /** Bytes by kind of source. */
  bySource(): Record<string, number>
  /** Whether some file had to be waited for and none of its bytes came by us: another process brought it. */
  waited(): boolean
  /** What came over the network and is whole, by file; `source` is where its last byte came from. */
  fetchedFiles(): FetchedFile[]
  /** Tells the final state when the work succeeded, and falls silent. */
  end(succeeded: boolean): void
}

/** Tells also when nothing moved: the listener decides what a standstill means. */
export function countProgress(files: ModelFile[], onProgress: (progress: TransferProgress) => void = () => {}): ProgressCount {
  const totalBytes = files.reduce((sum, file) => sum + file.size, 0)
  const moving = new Map<ModelFile, () => number>()
  const finished = new Set<ModelFile>()
  const followed = new Set<ModelFile>()
  const sources = new Map<ModelFile, Source>()
  const bySource: Record<string, number> = {}
  let finishedBytes = 0
  let fetchedBytes = 0
  let latest = files[0]?.path ?? ''

  function tell(): void {
    const doneBytes = [...moving.values()].reduce((sum, bytes) => sum + bytes(), finishedBytes)
    onProgress({ file: latest, doneBytes, totalBytes, fetchedBytes, filesDone: finished.size, filesTotal: files.length })
  }
  const timer = setInterval(tell, TELL_MS)
  return {
    follow(file, bytes) {
      moving.set(file, bytes)
      followed.add(file)
      latest = file.path
    },
    fetched(file, bytes, source) {
      fetchedBytes += bytes
      bySource[source.kind] = (bySource[source.kind] ?? 0) + bytes
      sources.set(file, source)
    },
    finished(file) {
      moving.delete(file)
      finished.add(file)
      finishedBytes += file.size
    },
    fetchedBytes: () => fetchedBytes,
    bySource: () => bySource,
    waited: () => [...followed].some((file) => finished.has(file) && !sources.has(file) && file.size > 0),
    fetchedFiles: () =>
      [...sources]
        .filter(([file]) => finished.has(file))
        .map(([file, { name }]) => ({ path: file.path, digest: file.digest.hex, bytes: file.size, source: name })),
    end(succeeded) {
      clearInterval(timer)
      if (succeeded) tell()
    },
  }
}
