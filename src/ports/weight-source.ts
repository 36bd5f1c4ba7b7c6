import type { ModelFile, PinnedModel } from '../contracts/model.js'
import type { FileLocation } from './hub.js'

/** In the order of trust that a policy may name; none of them is trusted with bytes: the digest of the model's listing decides. */
export type SourceKind = 'peer' | 'mirror' | 's3' | 'hub' | 'cdn' | 'program'

/** A place that may hold the bytes of files. Throws AimError of the `hub` group. */
export interface WeightSource {
  readonly kind: SourceKind
  /** For people, without credentials: `peer node-b`, `hub https://…`. */
  readonly name: string
  /** Where the bytes of a file are; null: not here. Asked once per file, and again on 403. */
  locate(model: Pick<PinnedModel, 'repo' | 'commit'>, file: ModelFile, signal?: AbortSignal): Promise<FileLocation | null>
  /** For a small file: where it must be, without asking first. Absent where a source cannot tell. */
  direct?(model: Pick<PinnedModel, 'repo' | 'commit'>, file: ModelFile, signal?: AbortSignal): Promise<FileLocation>
  /**
   * Exactly the bytes from `start` to `end`, both inclusive. Fails on any other answer, also in the middle. A chunk is valid until
   * the next one is asked for: its memory may be used again.
   */
  read(location: FileLocation, range: { start: number; end: number }, signal?: AbortSignal): Promise<AsyncIterable<Buffer>>
}

/** A program that brings a whole file in its own way, where ranges do not help: Xet through `hf`. */
export interface WholeFileSource {
  readonly kind: SourceKind
  readonly name: string
  /** Whether it can be used here at all; asked once per download. */
  available(): Promise<boolean>
  /** Writes the file to `path`. Its bytes are verified by the caller. */
  bring(model: Pick<PinnedModel, 'repo' | 'commit'>, file: ModelFile, path: string, signal?: AbortSignal): Promise<void>
}

/** Another node that may hold the file, by the address of its peer server. */
export type Peer = { nodeId: string; url: string }
