import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** Larger than any listing of a node: what is beyond is no capture. */
const MOST_BYTES = 32 * 2 ** 20
/** What means that there is no such thing, not that something is wrong. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'ENODEV', 'ENXIO']

/** `denied`: it belongs to a GPU that this container was not given. `unreadable`: no file of text. Null: there is none. */
export type FileText = { text: string } | 'denied' | 'unreadable' | null

/** Small files by their path below one folder. */
export interface FileTree {
  read(path: string): Promise<FileText>
  /** Names in a folder; null: there is none. */
  list(path: string): Promise<string[] | null>
}

export function filesBelow(root: string): FileTree {
  return {
    async read(path) {
      try {
        const { size } = await stat(join(root, path))
        return size > MOST_BYTES ? 'unreadable' : { text: decode(await readFile(join(root, path))) }
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        if (['EPERM', 'EACCES'].includes(code)) return 'denied'
        if (ABSENT.includes(code)) return null
        if (['EISDIR', 'EIO', 'EINVAL', 'ELOOP'].includes(code)) return 'unreadable'
        throw error
      }
    },
    async list(path) {
      try {
        return await readdir(join(root, path))
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        if ([...ABSENT, 'EPERM', 'EACCES', 'ELOOP', 'EINVAL'].includes(code)) return null
        throw error
      }
    },
  }
}

/** Text whatever bytes it is made of, without colours and without the mark that some editors put first. */
export function decode(bytes: Buffer): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8'
  return stripVTControlCharacters(new TextDecoder(encoding).decode(bytes))
}
