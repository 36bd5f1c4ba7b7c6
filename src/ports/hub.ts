import type { ModelFile, PinnedModel } from '../contracts/model.js'

/** Where the bytes of one file are now. Signed URLs run out: locate again on 403. `model` words what goes wrong there. */
export type FileLocation = { url: string; headers: Record<string, string>; size: number; etag: string; model?: string }

/** A source of models in the Hugging Face protocol. Throws AimError with a code of the `hub` group. */
export interface Hub {
  /** Pins a branch, tag or commit, and lists every file there with size and digest. */
  pin(repo: string, ref: string, signal?: AbortSignal): Promise<PinnedModel>
  /** One resolve of one file, following redirects up to where the bytes are. */
  locate(model: Pick<PinnedModel, 'repo' | 'commit'>, file: ModelFile, signal?: AbortSignal): Promise<FileLocation>
  /** Where one file must be, without asking: the read follows redirects. For small files, which are not worth a resolve of their own. */
  direct(model: Pick<PinnedModel, 'repo' | 'commit'>, file: ModelFile): Promise<FileLocation>
  /**
   * Bytes of the file from `start` to `end` (both inclusive, in bytes). Fails unless the answer is exactly that range, also in the middle. A chunk is valid
   * until the next one is asked for: its memory may be used again.
   */
  read(location: FileLocation, range: { start: number; end: number }, signal?: AbortSignal): Promise<AsyncIterable<Buffer>>
  /** A small file as text, whole and verified: a model's configuration. */
  readText(model: PinnedModel, file: ModelFile, signal?: AbortSignal): Promise<string>
}
