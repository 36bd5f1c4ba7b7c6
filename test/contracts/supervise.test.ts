import { expect, expectTypeOf, test } from 'vitest'
import type { EndpointRevision, EndpointView, HealingStep, Operation, Replica } from '../../src/contracts/endpoint.js'
import { SuperviseInput, type Supervision } from '../../src/contracts/supervise.js'
import { begin, newSupervision } from '../../workflows/endpoint-lock.js'

/** Every key must be there: one that is optional on one side only is a difference too. */
type Whole<T> = T extends object ? { [Key in keyof T]-?: Whole<T[Key]> } : T

test('what an endpoint carries from run to run is all that it knows', () => {
  type Carried = { [Key in keyof Supervision]: NonNullable<Supervision[Key]> }
  expectTypeOf<Whole<Carried['replica']>>().toEqualTypeOf<Whole<Replica>>()
  expectTypeOf<Whole<Carried['revision']>>().toEqualTypeOf<Whole<EndpointRevision>>()
  expectTypeOf<Whole<Carried['operation']>>().toEqualTypeOf<Whole<Operation>>()
  expectTypeOf<Whole<Carried['healing']>>().toEqualTypeOf<Whole<HealingStep[]>>()
  expectTypeOf<Whole<Carried['lastRestart']>>().toEqualTypeOf<Whole<NonNullable<EndpointView['lastRestart']>>>()
  const carried = newSupervision(7)
  begin(carried, { kind: 'deploy', workflowId: 'deploy/chat', runId: 'r', requestFingerprint: '', revisionFloor: 0 })
  expect(SuperviseInput.parse({ endpoint: 'chat', carried }).carried).toEqual(carried)
})
