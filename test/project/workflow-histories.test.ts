import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as workflows from '../../workflows/index.js'

const FOLDER = 'test/replay/histories'

/** The worker registers every function that the index exports, under its name. */
const types = Object.entries(workflows as Record<string, unknown>)
  .filter(([, exported]) => typeof exported === 'function')
  .map(([name]) => name)

type History = { events?: { workflowExecutionStartedEventAttributes?: { workflowType?: { name?: string } } }[] }

const recorded = (existsSync(FOLDER) ? readdirSync(FOLDER) : [])
  .filter((file) => file.endsWith('.json'))
  .map((file) => ({ file, type: typeIn(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as History) }))

describe('recorded histories', () => {
  test('workflows are exported', () => {
    expect(types.length).toBeGreaterThan(0)
  })

  test.each(types)('there is one of %s', (type) => {
    const histories = recorded.filter(({ file }) => file.startsWith(type))
    expect(histories.length, `record one into ${FOLDER}/${type}*.json`).toBeGreaterThan(0)
    for (const history of histories) expect(history).toEqual({ file: history.file, type })
  })

  test('each is of a workflow that there is', () => {
    expect(recorded.filter(({ type }) => !types.includes(type ?? ''))).toEqual([])
  })
})

function typeIn(history: History): string | undefined {
  return history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name
}
