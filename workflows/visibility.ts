import { defineSearchAttributeKey } from '@temporalio/common'
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow'
import type { SearchAttribute } from '../src/contracts/search-attributes.js'

/** Sets search attributes, so that the Temporal UI alone finds a flow and tells its story. What is set already costs no history. */
export function show(values: Partial<Record<SearchAttribute, string>>): void {
  const { typedSearchAttributes } = workflowInfo()
  const pairs = Object.entries(values).map(([name, value]) => ({ key: defineSearchAttributeKey(name, 'KEYWORD'), value }))
  const changed = pairs.filter(({ key, value }) => typedSearchAttributes.get(key) !== value)
  if (changed.length > 0) upsertSearchAttributes(changed)
}
