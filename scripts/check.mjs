// Runs every static check, as many at once as there are cores: node scripts/check.mjs [NAME...]
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const tool = (name) => join(ROOT, 'node_modules', '.bin', name)
const script = (name) => [process.execPath, join(ROOT, 'scripts', name)]

/** Longest first, so that the last one to start is a short one. */
const CHECKS = [
  {
    name: 'types',
    about: 'tsc',
    argv: [tool('tsc'), '-p', ROOT, '--incremental', '--tsBuildInfoFile', join(ROOT, '.cache/types.tsbuildinfo')],
  },
  { name: 'lint', about: 'oxlint', argv: [tool('oxlint'), '--deny-warnings', '.'] },
  { name: 'imports', about: 'dependency-cruiser', argv: script('import-rule.mjs') },
  { name: 'unused', about: 'knip', argv: [tool('knip'), '--no-progress', '--treat-config-hints-as-errors'] },
  { name: 'format', about: 'oxfmt', argv: [tool('oxfmt'), '--check', '.'] },
]

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !CHECKS.some((check) => check.name === name))
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; there are ${CHECKS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const waiting = CHECKS.filter(({ name }) => asked.length === 0 || asked.includes(name))
const failed = []
await Promise.all(Array.from({ length: availableParallelism() }, work))
if (failed.length > 0) console.error(`\nfailed: ${failed.join(', ')}`)
process.exitCode = failed.length > 0 ? 1 : 0

async function work() {
  for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
    const { passed, seconds, output } = await run(check.argv)
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${check.name.padEnd(8)} ${seconds.padStart(6)} s  ${check.about}`)
    if (passed) continue
    failed.push(check.name)
    console.log(output.trimEnd().replaceAll(/^/gm, '  '))
  }
}

function run([program, ...args]) {
  const started = performance.now()
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks = []
    const end = (passed) =>
      resolve({ passed, seconds: ((performance.now() - started) / 1000).toFixed(1), output: Buffer.concat(chunks).toString() })
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.once('error', (error) => {
      chunks.push(Buffer.from(`${error.message}: run npm ci\n`))
      end(false)
    })
    child.once('close', (code) => end(code === 0))
  })
}
