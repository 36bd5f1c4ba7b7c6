// Prints docs/failures.md from the table in src/domain/fallback/policies.ts; with --write it replaces the file.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const TABLE = new URL('../src/domain/fallback/policies.ts', import.meta.url)
const DOC = new URL('../docs/failures.md', import.meta.url)

const doc = render(await readTable())
if (process.argv.includes('--write')) writeFileSync(DOC, doc)
else process.stdout.write(doc)

/** The table module imports types only, so it runs once they are gone. */
async function readTable() {
  const { outputText } = ts.transpileModule(readFileSync(TABLE, 'utf8'), {
    fileName: fileURLToPath(TABLE),
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  })
  const { POLICIES } = await import(`data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`)
  return Object.entries(POLICIES)
}

function render(policies) {
  return [
    '# Failures of a start',
    '',
    '<!-- Written by `node scripts/failures-doc.mjs --write` from src/domain/fallback/policies.ts. Change the table, not this page. -->',
    '',
    'Every try that fails has a class: from the log of the engine, from the signal that ended it, or a code of [errors.md](errors.md). `aim explain NAME` and',
    '`aim history NAME` show it. It says which placements of the plan are still worth a try, in this order; what meets the request goes before what gives something',
    'up (`--fallback any`). A placement that an earlier failure of the same deploy rules out is not tried either. *Again* is the same placement once more, after 1,',
    '2, 4, ... seconds, at most 30; *the context that it named* is what the engine said it can hold. When nothing of that is left, or the budget is used up, the deploy',
    'ends, and what served before serves.',
    '',
    '| class | what is tried next | how it ends |',
    '| --- | --- | --- |',
    ...policies.map(([failure, policy]) => `| \`${failure}\` | ${movesOf(policy)} | ${cell(policy.end)} |`),
    '',
  ].join('\n')
}

function movesOf({ again, shorten, next, quarantine }) {
  const moves = [
    ...(quarantine ? ['the GPUs are quarantined'] : []),
    ...(again === undefined ? [] : [again === 1 ? 'again, once' : `again, ${again} times`]),
    ...(shorten ? ['the context that it named'] : []),
    ...next,
  ]
  return moves.join(', ')
}

/** A bar would end the cell. */
function cell(text) {
  return text.replaceAll('|', '\\|')
}
