import type { EngineLauncher } from '../../src/ports/engine-launcher.js'

/** What each engine of this node was started with, running or ended: one that ended may be started again. No cleanup takes it. */
export async function enginesInUse(launcher: Pick<EngineLauncher, 'list'>): Promise<{ endpoint: string; path: string }[]> {
  return (await launcher.list()).map(({ key, spec }) => ({ endpoint: key.endpoint, path: spec.modelPath }))
}

/** The same, as paths of snapshots or of files. */
export async function weightsInUse(launcher: Pick<EngineLauncher, 'list'>): Promise<string[]> {
  return (await enginesInUse(launcher)).map(({ path }) => path)
}
