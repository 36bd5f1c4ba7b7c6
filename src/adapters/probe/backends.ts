import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Backend } from '../../domain/engine.js'
import type { BackendReadiness } from '../../domain/node.js'
import type { EngineTools } from '../../engines/engine.js'
import { isExecutable } from './tools.js'

/** Whether each backend can run here, told from files alone: loading one to ask it takes seconds. */
export function inspectBackends(tools: EngineTools): BackendReadiness[] {
  return [inspectLlamacpp(tools), ...PYTHON_ENGINES.map((engine) => inspectPython(engine, tools[engine.backend]))]
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

/** Engines that are programs of a Python environment, and the setting that names one that is not on PATH. */
const PYTHON_ENGINES = [
  { backend: 'vllm', title: 'vLLM', setting: 'AIM_VLLM_BIN' },
  { backend: 'sglang', title: 'SGLang', setting: 'AIM_SGLANG_BIN' },
] as const

function inspectPython({ backend, title, setting }: (typeof PYTHON_ENGINES)[number], program: string | null): BackendReadiness {
  const fix = `install ${title}, or set ${setting} to its program`
  if (program === null) return { backend, ready: false, reason: `\`${backend}\` is not on PATH`, fix }
  if (!isExecutable(program)) return { backend, ready: false, reason: `${program} is not a program that we may run`, fix }
  return { backend, ready: true, version: distributionVersion(backend, program) }
}

/** Version of an npm package as our code would load it; null when it is not installed. Read from its folder, for a package may export nothing. */
function packageVersion(name: string): string | null {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? []
  const file = folders.map((folder) => join(folder, name, 'package.json')).find((path) => existsSync(path))
  return file === undefined ? null : ((JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version ?? 'unknown')
}

/** From the metadata beside the program (`bin/vllm` and `lib/python3.x/site-packages` share a parent); `vllm --version` imports all of torch. */
function distributionVersion(name: string, program: string): string {
  const lib = join(dirname(dirname(realpathSync(program))), 'lib')
  const packages = list(lib)
    .filter((entry) => entry.startsWith('python'))
    .flatMap((python) => list(join(lib, python, 'site-packages')))
  const metadata = new RegExp(`^${name}-(.+)\\.dist-info$`)
  return packages.map((entry) => metadata.exec(entry)?.[1]).find((version) => version !== undefined) ?? 'unknown'
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
