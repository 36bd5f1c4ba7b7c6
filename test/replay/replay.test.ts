import { readFileSync, readdirSync } from 'node:fs'
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker'
import { beforeAll, expect, test } from 'vitest'
import { compiledFile } from '../../src/adapters/compiled.js'

const folder = new URL('histories/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.json'))

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] })
})

/** The bundle that is shipped must still take the decisions of runs that are under way in the field. */
test('every recorded run replays on the bundle that is built', async () => {
  const histories = files.map((name) => ({ workflowId: name, history: JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as unknown }))
  const workflowBundle = { codePath: compiledFile('../workflow-bundle.js') }
  const replayed: string[] = []
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories)) {
    expect(error, workflowId).toBeUndefined()
    replayed.push(workflowId)
  }
  expect(replayed.toSorted()).toEqual(files.toSorted())
  expect(files.length).toBeGreaterThan(0)
})

test('a run that decided otherwise is found out', async () => {
  const name = files.find((file) => file.startsWith('deployModel'))
  const text = readFileSync(new URL(name ?? '', folder), 'utf8')
  const workflowBundle = { codePath: compiledFile('../workflow-bundle.js') }
  const changed = JSON.parse(text.replaceAll('"pinModel"', '"pinAnother"')) as unknown
  await expect(Worker.runReplayHistory({ workflowBundle }, changed)).rejects.toThrow(/[Nn]ondeterminism/)
})
