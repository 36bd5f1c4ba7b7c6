import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import type { Settings } from '../../config/settings.js'
import type { EngineTools } from '../../engines/engine.js'
import { compiledFile } from '../compiled.js'

/** The programs that engines are started with on this node. One that was configured is taken as it is; the probe says if it cannot run. */
export function findTools(settings: Pick<Settings, 'vllmBin' | 'sglangBin'>, env: NodeJS.ProcessEnv = process.env): EngineTools {
  return {
    node: process.execPath,
    llamacppServer: compiledFile('llamacpp-server/main.js'),
    vllm: programOf('vllm', settings.vllmBin, env),
    sglang: programOf('sglang', settings.sglangBin, env),
  }
}

function programOf(name: string, configured: string | undefined, env: NodeJS.ProcessEnv): string | null {
  return configured === undefined ? findOnPath(name, env['PATH'] ?? '') : resolve(configured)
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false // not there, or not for us: both mean that it cannot be run
  }
}

/** Like a shell, but only absolute folders count: a relative one would mean another program in another working folder. */
function findOnPath(program: string, path: string): string | null {
  const folders = path.split(delimiter).filter(isAbsolute)
  return folders.map((folder) => join(folder, program)).find(isExecutable) ?? null
}
