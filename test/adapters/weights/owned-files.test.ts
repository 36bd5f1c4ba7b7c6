import { lutimes, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ownedName, ownerOf, removeRemains } from '../../../src/adapters/weights/owned-files.js'
import { ownIdentity } from '../../../src/adapters/weights/process-identity.js'
import { temporaryFolder } from '../../support/sample-model.js'

const DIGEST = 'a'.repeat(64)
const KEY = 'b'.repeat(40)
/** Every file that one process has beside its downloads, by the stem of its name. */
const filesOf = (stem: string): string[] => [
  `${DIGEST}.${stem}.lock`,
  `${KEY}.${stem}.lock`,
  `${stem}.${KEY}.claim`,
  `${stem}-1795847554000.space`,
  `${stem}-1795847554000.space.next`,
  `${stem}-1795847554000.blobs`,
  `${stem}.ref`,
  `${stem}.link`,
]
const dead = (): string => `${ownIdentity().machine}-4194304-1-0123456789ab`
const foreign = `${'0'.repeat(12)}-1-1-0123456789ab`

let folder: Awaited<ReturnType<typeof temporaryFolder>>
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => folder.remove())

async function leave(names: string[]): Promise<void> {
  for (const name of names) {
    const path = join(folder.path, name)
    if (name.endsWith('.link')) await symlink('../../blobs/none', path).catch(() => {})
    else await writeFile(path, '')
  }
}
const left = async (): Promise<string[]> => (await readdir(folder.path)).toSorted()

describe('removeRemains', () => {
  it('removes every file of a dead process, and neither a live one\u2019s nor a download', async () => {
    const stay = [...filesOf(ownedName()), `${DIGEST}.part`, `${DIGEST}.map`, `${DIGEST}.json`, `${DIGEST}.evicted`]
    await leave([...filesOf(dead()), ...stay])
    await removeRemains(folder.path)
    expect(await left()).toEqual(stay.toSorted())
  })

  it('keeps what another machine touches, and of a promise each file as long as one of them is touched', async () => {
    await leave(filesOf(foreign))
    const past = new Date(Date.now() - 600_000)
    await utimes(join(folder.path, `${foreign}-1795847554000.blobs`), past, past)
    await removeRemains(folder.path)
    expect(await left()).toEqual(filesOf(foreign).toSorted())
    await rm(join(folder.path, `${foreign}-1795847554000.space`))
    await removeRemains(folder.path)
    expect(await left()).toContain(`${foreign}-1795847554000.space.next`)
    expect(await left()).not.toContain(`${foreign}-1795847554000.blobs`)
    await leave(filesOf(foreign))
    for (const name of filesOf(foreign)) await lutimes(join(folder.path, name), past, past)
    await removeRemains(folder.path)
    expect(await left()).toEqual([])
  })

  it('has nothing to do where there is no folder', async () => {
    await removeRemains(join(folder.path, 'none'))
    expect(await left()).toEqual([])
  })
})

it('a name says whose it is, once', () => {
  expect(ownerOf(`${ownedName()}.ref`)).toEqual(ownIdentity())
  expect(ownedName()).not.toBe(ownedName())
  expect(ownerOf(`${DIGEST}.part`)).toBeNull()
})
