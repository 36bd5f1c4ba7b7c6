import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files of tests that take minutes, the longest first. On a machine that has never run them vitest goes by their size; one of these that begins
 * last has one core for itself, and the other nothing to do.
 */
const LONGEST = [
  'e2e/faults',
  'e2e/deploy',
  'e2e/readme',
  'sources/peers-over-network',
  'workflow/heal',
  'workflow/manage-node',
  'workflow/warm-cache',
  'workflow/recipe-fallback',
  'workflow/heal-lost-node',
  'workflow/heal-drain',
  'workflow/deploy',
  'workflow/failure-classes',
  'engines-e2e/vllm',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer’s own, which answers a new list
    const sorted = await super.sort(files)
    const projects = [...new Set(sorted.map(({ project }) => project))]
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`))
      return place < 0 ? LONGEST.length : place
    }
    return sorted.toSorted((a, b) => projects.indexOf(a.project) - projects.indexOf(b.project) || rank(a) - rank(b))
  }
}
