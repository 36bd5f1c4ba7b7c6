import type { EngineKey, EngineSpec, EngineState } from '../domain/engine.js'

/** What an engine is started as: argv and environment are kept, without secrets, for the record of the attempt. */
export type LaunchedEngine = { state: EngineState; argv: string[]; env: Record<string, string> }

/** A process of one of our engines, by the mark that it inherited. `live`: that engine runs. `gpus` null: nothing is known of it any more. */
export type EngineProcess = { pid: number; engine: string; live: boolean; gpus: number[] | null }

/** Starts engines that outlive us. One adapter per way to run them (process, docker, kubernetes). */
export interface EngineLauncher {
  /**
   * Starts the engine detached from us, or adopts the one that runs under this key. Returns when the process exists,
   * not when it is ready. An ended key answers `exited` and never starts again.
   * Throws AimError `PortTaken` when a fixed port is held by somebody else.
   */
  launch(key: EngineKey, spec: EngineSpec): Promise<LaunchedEngine>
  inspect(key: EngineKey): Promise<EngineState>
  /**
   * SIGTERM, then SIGKILL of the whole tree after `graceMs`. Forgets the engine's record. Safe to repeat; `absent` counts as stopped. Answers the
   * pids that not even SIGKILL ends (a hung GPU driver): as long as there are any, the record stays.
   */
  stop(key: EngineKey, graceMs: number): Promise<number[]>
  /** Everything that runs or ran under our name on this node. */
  list(): Promise<{ key: EngineKey; spec: EngineSpec; state: EngineState; logFile: string }[]>
  /** Every living process of this namespace's engines, also of those that have ended or that no record knows. */
  processes(namespace: string): Promise<EngineProcess[]>
  /** Ends what is left of engines that do not run: of `pids` those alone. Answers them. */
  reap(namespace: string, pids: number[]): Promise<number[]>
  /** The last lines of the engine's log. */
  logTail(key: EngineKey, lines: number): Promise<string[]>
}
