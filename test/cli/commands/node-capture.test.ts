import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nodeCapture } from '../../../src/cli/commands/node-capture.js'
import { nodeInspect } from '../../../src/cli/commands/node-inspect.js'
import { folderOf } from '../../adapters/rocm/folder.js'
import { testCli } from '../support.js'

test('what it writes, inspect reads', async () => {
  await using folder = await folderOf({})
  const dir = join(folder.dir, 'captures')
  const { cli, out } = testCli()
  await cli.print(await nodeCapture(cli, [dir]))
  expect(out()).toMatch(/captures: \d+ files?/)
  const [captured, here] = await Promise.all([nodeInspect(cli, [], { from: dir }), nodeInspect(cli, [], {})])
  const gpusOf = ({ data }: { data: unknown }) =>
    (data as { gpus: { index: number; model: string | null }[] }).gpus.map(({ index, model }) => [index, model])
  expect(gpusOf(captured)).toEqual(gpusOf(here))
  expect(captured.data).toMatchObject({ cpus: (here.data as { cpus: number }).cpus })
})

test('it refuses a folder that can never be', async () => {
  await expect(nodeCapture(testCli().cli, ['/proc/captures'])).rejects.toMatchObject({ code: 'InvalidInput', details: { field: 'dir' } })
})

test('it leaves a folder alone that holds something', async () => {
  await using folder = await folderOf({ 'notes.txt': 'mine' })
  await expect(nodeCapture(testCli().cli, [folder.dir])).rejects.toMatchObject({ code: 'InvalidInput', details: { field: 'dir' } })
})
