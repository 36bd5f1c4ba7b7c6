// Builds dist: node scripts/build.mjs. Does nothing when no input has changed; may be called many times at once.
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.stamp')
const BUNDLE = join(DIST, 'workflow-bundle.js')
const FOLDERS = ['src', 'workflows', 'activities', 'bench']
const CONFIG = ['scripts/build.mjs', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json']

if (!isCurrent()) {
  const unlock = await lock()
  try {
    // Whoever held the lock may have built what we came for.
    if (!isCurrent()) await build()
  } finally {
    unlock()
  }
}

async function build() {
  // Taken before the compiler reads: a file that changes while it runs makes the next build run again.
  const stamp = hashOfInputs()
  const kept = [...(await compile()), ...copyData()]
  const cli = join(DIST, 'src/cli/main.js')
  if (existsSync(cli)) chmodSync(cli, 0o755)
  if (existsSync(join(DIST, 'workflows/index.js'))) kept.push(await bundleWorkflows())
  removeAllBut(new Set([...kept, STAMP]))
  write(STAMP, stamp)
}

/** Compiles what changed since the last build. Returns every file that belongs to the output. */
async function compile() {
  const { default: ts } = await import('typescript')
  const { options, fileNames, errors } = ts.getParsedCommandLineOfConfigFile(
    join(ROOT, 'tsconfig.build.json'),
    { incremental: true, tsBuildInfoFile: join(DIST, '.tsbuildinfo'), noEmitOnError: true },
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (diagnostic) => fail(ts, [diagnostic]) },
  )
  const host = { ...ts.createIncrementalCompilerHost(options), writeFile: write }
  const program = ts.createIncrementalProgram({ rootNames: fileNames, options, configFileParsingDiagnostics: errors, host })
  const { diagnostics } = program.emit()
  if (diagnostics.length > 0) fail(ts, diagnostics)

  const parsed = { options, fileNames: [...fileNames], errors: [] }
  const compiled = fileNames.filter((file) => !file.endsWith('.d.ts'))
  return [options.tsBuildInfoFile, ...compiled.flatMap((file) => ts.getOutputFileNames(parsed, file, false))]
}

function fail(ts, diagnostics) {
  const format = { getCurrentDirectory: () => ROOT, getCanonicalFileName: (name) => name, getNewLine: () => '\n' }
  const render = process.stderr.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics
  console.error(render(diagnostics, format))
  process.exit(1) // the kernel frees the lock; what was built before stays
}

/** Puts what is not compiled (SQL, pages) where the compiled modules look for it. */
function copyData() {
  return FOLDERS.flatMap(filesIn)
    .filter((file) => !file.endsWith('.ts'))
    .map((file) => {
      const to = join(DIST, relative(ROOT, file))
      write(to, readFileSync(file))
      return to
    })
}

async function bundleWorkflows() {
  const { bundleWorkflowCode } = await import('@temporalio/worker')
  const { code } = await bundleWorkflowCode({ workflowsPath: join(DIST, 'workflows/index.js'), logger: quietLogger() })
  write(BUNDLE, code)
  return BUNDLE
}

/** The bundler tells its size and time; only what is wrong is worth a line. */
function quietLogger() {
  const none = () => {}
  const warn = (message) => console.error(message)
  return { log: none, trace: none, debug: none, info: none, warn, error: warn }
}

function isCurrent() {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hashOfInputs()
}

function hashOfInputs() {
  const hash = createHash('sha256')
  for (const file of [...CONFIG.map((name) => join(ROOT, name)), ...FOLDERS.flatMap(filesIn)].toSorted()) {
    const content = readFileSync(file)
    hash.update(`${relative(ROOT, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/** Files below a folder of the project, without what editors and people leave there (`.name`). */
function filesIn(folder) {
  const path = join(ROOT, folder)
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Replaces a file in one step: a program that loads it meanwhile reads the old one or the new one, never half of one. */
function write(file, content) {
  if (existsSync(file) && readFileSync(file).equals(Buffer.from(content))) return
  mkdirSync(dirname(file), { recursive: true })
  const partial = `${file}.${process.pid}.part`
  writeFileSync(partial, content)
  renameSync(partial, file)
}

function removeAllBut(kept) {
  const entries = readdirSync(DIST, { withFileTypes: true, recursive: true })
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isDirectory() && !kept.has(path)) rmSync(path)
  }
}

/**
 * Waits until no other build of this folder runs. The lock is a listening socket, because the kernel frees it however its
 * owner dies: no stale lock. Returns the function that frees it.
 */
async function lock() {
  const id = createHash('sha256').update(ROOT).digest('hex')
  const address =
    process.platform === 'linux'
      ? { path: `\0aim-engine-build-${id}` }
      : { host: '127.0.0.1', port: 20_000 + (parseInt(id.slice(0, 6), 16) % 20_000) }
  const deadline = Date.now() + 300_000
  for (;;) {
    const server = await listen(address)
    if (server !== null) return () => server.close()
    if (Date.now() > deadline) throw new Error('another build of this folder has been running for 5 minutes')
    await sleep(50)
  }
}

/** The listening server, or null when another process has the address. */
function listen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(null) : reject(error)))
    server.listen({ ...address, exclusive: true }, () => resolve(server))
  })
}
