import { readFileSync, readdirSync } from 'node:fs'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { beforeAll, expect, test } from 'vitest'
import { compiledFile } from '../../src/adapters/compiled.js'

const folder = new URL('histories/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))

type Started = { workflowExecutionStartedEventAttributes: { workflowId: string } }

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })
})

/** The bundle that is shipped must still take the decisions of runs that are under way in the field. */
test.each(files)('%s replays on the bundle that is built', async (name) => {
  const history = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { events: Started[] }
  // A flow takes the ids of what it starts from its own.
  const workflowId = history.events[0]?.workflowExecutionStartedEventAttributes.workflowId
  const workflowBundle = { codePath: compiledFile('../workflow-bundle.js') }
  await expect(Worker.runReplayHistory({ workflowBundle }, history, workflowId)).resolves.toBeUndefined()
})

test('there are recorded runs', () => expect(files.length).toBeGreaterThan(0))

test('a run that decided otherwise is found out', async () => {
  const name = files.find((file) => file.startsWith('deployModel'))
  const text = readFileSync(new URL(name ?? '', folder), 'utf8')
  const workflowBundle = { codePath: compiledFile('../workflow-bundle.js') }
  const changed = JSON.parse(text.replaceAll('"pinModel"', '"pinAnother"')) as unknown
  await expect(Worker.runReplayHistory({ workflowBundle }, changed)).rejects.toThrow(/[Nn]ondeterminism/)
})
