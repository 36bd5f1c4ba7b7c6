// Prints docs/errors.md from the table in src/contracts/errors.ts; with --write it replaces the file.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const TABLE = new URL('../src/contracts/errors.ts', import.meta.url)
const DOC = new URL('../docs/errors.md', import.meta.url)

const GROUPS = {
  request: 'What was asked',
  plan: 'Placing the model',
  hub: 'The hub and its files',
  node: 'The node',
  engine: 'The engine',
  platform: 'Temporal, the database and our own processes',
}
const doc = render(await readTable())
if (process.argv.includes('--write')) writeFileSync(DOC, doc)
else process.stdout.write(doc)

/** The table module imports nothing, so it runs once its types are gone. */
async function readTable() {
  const { outputText } = ts.transpileModule(readFileSync(TABLE, 'utf8'), {
    fileName: fileURLToPath(TABLE),
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  })
  const { ERRORS } = await import(`data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}`)
  return Object.entries(ERRORS)
}

function render(errors) {
  const unknown = errors.find(([, { group }]) => !(group in GROUPS))
  if (unknown !== undefined) throw new Error(`${unknown[0]}: scripts/errors-doc.mjs has no title for its group`)
  return [
    '# Errors',
    '',
    '<!-- Written by `node scripts/errors-doc.mjs --write` from src/contracts/errors.ts. Change the table, not this page. -->',
    '',
    'Every expected failure has a code. The command line prints `error[CODE]: message`, the facts, and `fix:` with the next step; with `--json` the same',
    'as `{"error": {"code", "message", "details", "fix"}}`. A failed workflow carries the code as the `type` of its failure. Words in `{braces}` are',
    'filled in. *Exit* is the exit code of the command (`aim help exit-codes`); *retried* says whether Temporal tries the step again before the workflow fails.',
    ...Object.entries(GROUPS).flatMap(([group, title]) =>
      section(
        title,
        errors.filter(([, error]) => error.group === group),
      ),
    ),
    '',
  ].join('\n')
}

function section(title, errors) {
  const rows = errors.map(
    ([code, { exit, retry, message, fix }]) => `| \`${code}\` | ${exit} | ${retry ? 'yes' : 'no'} | ${cell(message)} | ${cell(fix)} |`,
  )
  return ['', `## ${title}`, '', '| code | exit | retried | message | what to do |', '| --- | --- | --- | --- | --- |', ...rows]
}

/** Text inside a table cell: braces stand as code, a bar would end the cell. */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll(/\{\w+\}/g, '`$&`')
}
