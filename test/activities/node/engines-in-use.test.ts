import { expect, it } from 'vitest'
import { weightsInUse } from '../../../activities/node/engines-in-use.js'
import { SPEC } from '../../engines/specs.js'
import { FakeMachine } from '../../support/fakes.js'

it('counts the weights of an engine that ended: it may be started again', async () => {
  const machine = new FakeMachine()
  const key = { namespace: 'default', endpoint: 'chat', replica: 0, fence: 1, launch: 1 }
  await machine.launch(key, SPEC)
  machine.kill('chat')
  expect(machine.running('chat')).toEqual([])
  expect(await weightsInUse(machine)).toEqual([SPEC.modelPath])
})
