import type { EngineKey, EngineSpec, EngineState } from '../domain/engine.js'

/** What an engine is started as: argv and environment are kept, without secrets, for the record of the attempt. */
export type LaunchedEngine = { state: EngineState; argv: string[]; env: Record<string, string> }

/** Starts engines that outlive us. One adapter per way to run them (process, docker, kubernetes). */
export interface EngineLauncher {
  /**
   * Starts the engine detached from us, or adopts the one that runs under this key. Returns when the process exists,
   * not when it is ready. An ended key answers `exited` and never starts again.
   * Throws AimError `PortTaken` when a fixed port is held by somebody else.
   */
  launch(key: EngineKey, spec: EngineSpec): Promise<LaunchedEngine>
  inspect(key: EngineKey): Promise<EngineState>
  /** SIGTERM, then SIGKILL of the whole tree after `graceMs`. Forgets the engine's record. Safe to repeat; `absent` counts as stopped. */
  stop(key: EngineKey, graceMs: number): Promise<void>
  /** Everything that runs or ran under our name on this node. */
  list(): Promise<{ key: EngineKey; spec: EngineSpec; state: EngineState; logFile: string }[]>
  /** The last lines of the engine's log. */
  logTail(key: EngineKey, lines: number): Promise<string[]>
}
