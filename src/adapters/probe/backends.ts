import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Backend } from '../../domain/engine.js'
import type { BackendReadiness } from '../../domain/node.js'
import type { EngineTools } from '../../engines/engine.js'
import { isExecutable } from './tools.js'

/** Whether each backend can run here, told from files alone: loading one to ask it takes seconds. */
export function inspectBackends(tools: EngineTools): BackendReadiness[] {
  return [inspectLlamacpp(tools), inspectVllm(tools)]
}

function inspectLlamacpp(tools: EngineTools): BackendReadiness {
  const backend: Backend = 'llamacpp'
  if (!existsSync(tools.llamacppServer))
    return { backend, ready: false, reason: `${tools.llamacppServer} is missing`, fix: 'npm run build' }
  const version = packageVersion('node-llama-cpp')
  if (version === null)
    return { backend, ready: false, reason: 'the package node-llama-cpp is not installed', fix: 'npm install --include=optional' }
  const prebuilt = `@node-llama-cpp/${process.platform}-${process.arch}`
  if (packageVersion(prebuilt) === null) {
    return {
      backend,
      ready: false,
      reason: `the package ${prebuilt} is not installed`,
      fix: 'npm install --include=optional, on a platform that has it',
    }
  }
  return { backend, ready: true, version }
}

function inspectVllm({ vllm }: EngineTools): BackendReadiness {
  const backend: Backend = 'vllm'
  const fix = 'install vLLM, or set AIM_VLLM_BIN to its program'
  if (vllm === null) return { backend, ready: false, reason: '`vllm` is not on PATH', fix }
  if (!isExecutable(vllm)) return { backend, ready: false, reason: `${vllm} is not a program that we may run`, fix }
  return { backend, ready: true, version: vllmVersion(vllm) }
}

/** Version of an npm package as our code would load it; null when it is not installed. Read from its folder, for a package may export nothing. */
function packageVersion(name: string): string | null {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? []
  const file = folders.map((folder) => join(folder, name, 'package.json')).find((path) => existsSync(path))
  return file === undefined ? null : ((JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version ?? 'unknown')
}

/** From the metadata beside the program (`bin/vllm` and `lib/python3.x/site-packages` share a parent); `vllm --version` imports all of torch. */
function vllmVersion(program: string): string {
  const lib = join(dirname(dirname(realpathSync(program))), 'lib')
  const packages = list(lib)
    .filter((name) => name.startsWith('python'))
    .flatMap((python) => list(join(lib, python, 'site-packages')))
  return packages.map((name) => /^vllm-(.+)\.dist-info$/.exec(name)?.[1]).find((version) => version !== undefined) ?? 'unknown'
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
