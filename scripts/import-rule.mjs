// Checks the import rule of .dependency-cruiser.cjs over a source tree: node scripts/import-rule.mjs [ROOT] [--json]
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise } from 'dependency-cruiser'
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'

const here = fileURLToPath(new URL('..', import.meta.url))
const json = process.argv.includes('--json')
const root = resolve(process.argv.slice(2).find((argument) => !argument.startsWith('--')) ?? here)
const folders = ['src', 'workflows', 'activities', 'bench', 'test'].filter((folder) => existsSync(join(root, folder)))

process.chdir(root)
const options = await extractOptions(join(here, '.dependency-cruiser.cjs'))
const { output } = await cruise(folders, { ...options, baseDir: root })

const cruised = new Set(output.modules.map((module) => module.source))
const sources = folders.flatMap(sourcesIn)
// A compiler that dependency-cruiser cannot drive makes it see nothing and pass: what it did not see is a failure.
const unseen = sources.filter((file) => !cruised.has(file))
const comments = new Map(output.summary.ruleSetUsed.forbidden.map((rule) => [rule.name, rule.comment]))
const violations = output.summary.violations.map(({ rule, from, to, cycle }) => ({
  rule: rule.name,
  from,
  to: cycle ? cycle.map((step) => step.name).join(' -> ') : to,
}))

if (json) console.log(JSON.stringify({ modules: sources.length, unseen, violations }))
else report()
process.exitCode = sources.length === 0 || unseen.length > 0 || violations.length > 0 ? 1 : 0

function report() {
  for (const { rule, from, to } of violations) console.log(`${from}${to === from ? '' : ` -> ${to}`}\n  ${rule}: ${comments.get(rule)}`)
  for (const file of unseen) console.log(`${file}: was not looked at`)
  if (sources.length === 0) console.log('no module was found')
  console.log(`${sources.length} modules, ${violations.length} violations`)
}

function sourcesIn(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file}`)
    .filter((file) => /\.m?ts$/.test(file))
}
