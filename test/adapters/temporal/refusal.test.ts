import { WorkflowUpdateFailedError } from '@temporalio/client'
import { ApplicationFailure } from '@temporalio/common'
import { expect, test } from 'vitest'
import { refusalOf } from '../../../src/adapters/temporal/refusal.js'

const failed = (type: string) =>
  new WorkflowUpdateFailedError('Workflow Update failed', ApplicationFailure.nonRetryable('the reason', type, { endpoint: 'chat' }))

test('a refusal keeps its code and its facts, and is final', () => {
  expect(refusalOf(failed('OperationInProgress'))).toMatchObject({
    type: 'OperationInProgress',
    message: 'the reason',
    nonRetryable: true,
    details: [{ endpoint: 'chat' }],
  })
})

test('that the workflow ended first, or that nobody was reached, may be tried again', () => {
  const ended = failed('AcceptedUpdateCompletedWorkflow')
  expect(refusalOf(ended)).toBe(ended)
  const unreached = new Error('14 UNAVAILABLE')
  expect(refusalOf(unreached)).toBe(unreached)
})
