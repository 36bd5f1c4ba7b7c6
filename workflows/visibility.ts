import { defineSearchAttributeKey } from '@temporalio/common'
import { upsertSearchAttributes } from '@temporalio/workflow'
import type { SearchAttribute } from '../src/contracts/search-attributes.js'

/** Sets search attributes, so that the Temporal UI alone finds a flow and tells its story. */
export function show(values: Partial<Record<SearchAttribute, string>>): void {
  upsertSearchAttributes(Object.entries(values).map(([name, value]) => ({ key: defineSearchAttributeKey(name, 'KEYWORD'), value })))
}
