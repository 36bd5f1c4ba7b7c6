import { RENDER_KINDS } from '../../domain/render-kinds.js'
import type { CommandSpec } from '../cli.js'
import { REQUIREMENT_OPTIONS, asInteger } from './requirement-options.js'

/** The verbs about plans: what would run, what was planned, what differs. */
export const PLAN_COMMANDS: CommandSpec[] = [
  {
    name: 'plan',
    about: 'show what would run, and why nothing else',
    more:
      'Without a server it plans for this machine; with --inventory for any fleet. Nothing is changed. Exit code 3: nothing fits.\n' +
      '--render prints the first choice that has such a form, to run it elsewhere.',
    arguments: [{ name: '<model>', about: 'repository on the hub: org/name' }],
    options: [
      ...REQUIREMENT_OPTIONS,
      {
        flags: '--inventory <file>',
        about: 'nodes to plan for: what `aim node inspect --json` printed, of one node or several; - reads stdin',
      },
      { flags: '--render <form>', about: 'print the first choice that can be as', choices: RENDER_KINDS },
    ],
    examples: [
      ['aim plan Qwen/Qwen3-32B --context 32768 --concurrency 32', 'which GPUs, which recipe, what fits, how fast, at what price'],
      ['aim plan Qwen/Qwen3-32B --inventory fleet.json --json', 'for machines that are not here'],
      ['aim plan Qwen/Qwen3-32B --render docker', 'the exact command that would run'],
    ],
    load: async () => (await import('./plan.js')).plan,
  },
  {
    name: 'explain',
    about: 'what is wrong with an endpoint, what was tried and what comes next; then why this recipe, and why no other',
    arguments: [{ name: '<name>', about: 'NAME, or NAME@NUMBER for a revision', complete: 'endpoint' }],
    options: [{ flags: '--revision <n>', about: 'another revision than the newest', parse: asInteger }],
    examples: [
      ['aim explain chat', 'candidates, memory, fallbacks, and the reason for each that was dropped'],
      ['aim explain chat@1', 'as it was planned for revision 1'],
    ],
    load: async () => (await import('./explain.js')).explain,
  },
  {
    name: 'diff',
    about: 'show what differs between two revisions',
    more: 'A revision is NAME@NUMBER; NAME alone is the newest one.',
    arguments: [
      { name: '<a>', about: 'NAME or NAME@NUMBER', complete: 'endpoint' },
      { name: '<b>', about: 'NAME or NAME@NUMBER', complete: 'endpoint' },
    ],
    examples: [
      ['aim diff chat@1 chat@2', 'what changed from revision 1 to 2'],
      ['aim diff chat search', 'two endpoints as they are now'],
    ],
    load: async () => (await import('./diff.js')).diff,
  },
]
