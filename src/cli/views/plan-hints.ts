import type { Plan } from '../../domain/plan.js'
import { groupReasons, type ReasonGroup } from '../../domain/plan-reasons.js'

/** How many ways out are named. */
const MOST_HINTS = 3

/** `found`: what the first reason that matches holds; `group`: that one; `all`: the first capture of each that matches. */
type Hint = { when: RegExp; hint: (found: string[], group: ReasonGroup, all: string[]) => string }

/** What helps against a reason, the surest first. The reasons are those of `src/domain/selection`. */
const HINTS: readonly Hint[] = [
  {
    when: /^runs the code of (\S+) /,
    hint: (_, __, repos) => `to let them run their own code, if you trust it: AIM_ALLOW_REMOTE_CODE=${repos.join(',')}`,
  },
  {
    when: /^needs .* that no other process uses/,
    hint: (_, { nodes }) => `GPUs of ${nodes.join(', ')} are in use by other processes: aim node inspect there names them`,
  },
  {
    when: /^needs .* free on each of/,
    hint: (_, { nodes }) => `GPU memory of ${nodes.join(', ')} is taken: aim node inspect there shows by what; or another --precision`,
  },
  {
    when: /^needs .* without uncorrectable memory errors/,
    hint: (_, { nodes }) => `GPUs of ${nodes.join(', ')} have memory errors: aim node inspect there shows which`,
  },
  {
    when: /^(\S+) is not ready there: .* \(fix: (.+)\)$/,
    hint: ([, backend, fix], { nodes }) => `${backend} on ${nodes.join(', ')}: ${fix}`,
  },
  {
    when: /^label (\S+) was asked for/,
    hint: ([, label]) => `no fitting node has label ${label}: AIM_NODE_LABELS=${label} there, or no --label`,
  },
  { when: /^a context of /, hint: () => 'a shorter --context may fit, or another --precision' },
  { when: /^(?:weights of|needs .* of memory)/, hint: () => 'another --precision may fit, or larger GPUs with --hardware' },
  { when: /^holds /, hint: () => 'a lower --concurrency or a shorter --context may fit' },
  { when: /^costs |^at most .* an hour/, hint: () => 'a higher --max-price may do, or fewer --gpus' },
]

/** What helps where no reason says more. */
const LAST_HINTS: readonly Hint[] = [
  {
    when: /^needs .* no node has one$|^needs .* on one node, at most/,
    hint: () => 'no node has such GPUs: other --hardware or --precision, or --inventory FILE of machines that have them',
  },
  { when: /^node (\S+) was asked for/, hint: ([, node]) => `without --node ${node} other nodes may do` },
  { when: /^precision .* was asked for/, hint: () => 'another --precision may do' },
  { when: /^hardware .* was asked for/, hint: () => 'another --hardware may do' },
  { when: /^backend (\S+) was asked for/, hint: ([, backend]) => `without --backend ${backend} another may do` },
  { when: /GPUs? .*were asked for|^takes /, hint: () => 'another number of --gpus may do' },
]

/** What to do when nothing fits, by the reasons. Where one recipe was asked for, only what holds it back counts. */
export function planHints({ dropped, requirements: { recipe } }: Plan): string[] {
  const groups = groupReasons(recipe === undefined ? dropped : dropped.filter((one) => one.recipe === recipe))
  const hints = matching(HINTS, groups)
  const free = recipe === undefined ? [] : [`without --recipe ${recipe} others may do`]
  return [...(hints.length > 0 ? hints : matching(LAST_HINTS, groups)).slice(0, MOST_HINTS), ...free]
}

function matching(hints: readonly Hint[], groups: ReasonGroup[]): string[] {
  return hints.flatMap(({ when, hint }) => {
    const found = groups.flatMap((group) => {
      const match = when.exec(group.reason)
      return match === null ? [] : [{ group, match: [...match] }]
    })
    const [first] = found
    return first === undefined ? [] : [hint(first.match, first.group, [...new Set(found.flatMap(({ match }) => match[1] ?? []))])]
  })
}
