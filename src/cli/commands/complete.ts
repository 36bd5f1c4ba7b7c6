import type { Cli, Completion } from '../cli.js'
import { candidatesFor, type Candidate } from '../completion/candidates.js'
import { pause } from '../interrupt.js'
import type { Report } from '../output/report.js'
import { GLOBAL_OPTIONS } from '../program.js'

/** A person waits with a finger on Tab. */
const LIMIT_MS = 2000

/** Answers Tab. Never says why it has nothing: the words would land on the person's command line. */
export async function complete(cli: Cli, words: string[]): Promise<Report> {
  const candidates = candidatesFor(words, cli.commands, GLOBAL_OPTIONS)
  const found = 'words' in candidates ? candidates.words : await lookUp(cli, candidates.kind)
  const current = words.at(-1) ?? ''
  const matching = found.filter(({ word }) => word.startsWith(current) || word.startsWith(':'))
  const lines = matching.map(({ word, about }) => (about === '' ? word : `${word}\t${about}`))
  return { data: matching, names: lines, text: () => lines.map((line) => `${line}\n`).join('') }
}

async function lookUp(cli: Cli, kind: Extract<Completion, string>): Promise<Candidate[]> {
  if (kind === 'directory') return [{ word: ':directory', about: '' }]
  const done = new AbortController()
  try {
    return await Promise.race([names(cli, kind), pause(LIMIT_MS, done.signal).then(() => [])])
  } catch {
    return [] // see above
  } finally {
    done.abort()
  }
}

async function names(cli: Cli, kind: 'endpoint' | 'recipe' | 'node'): Promise<Candidate[]> {
  switch (kind) {
    case 'endpoint':
      return (await (await cli.connect()).endpoints()).map(({ endpoint, view }) => ({ word: endpoint, about: view?.revision?.model ?? '' }))
    case 'node':
      return (await (await cli.connect()).nodes()).map((word) => ({ word, about: '' }))
    case 'recipe': {
      const { settings } = await cli.configuration()
      const { loadRecipes } = await import('../../worker/recipes.js')
      return (await loadRecipes(settings)).map(({ id, model }) => ({ word: id, about: model }))
    }
  }
}
