import { readdir, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { RecipeProblem } from '../../ports/recipes.js'

/** What a folder of recipes holds; paths of files, in order. */
export type FolderFiles = { recipes: string[]; models: string[]; hardware: string | null }

const EMPTY: FolderFiles = { recipes: [], models: [], hardware: null }

/** `hardware.yaml`, `models/**` and `engines/**` are no recipes; every other `.yaml` file is. */
export async function listFolder(folder: string): Promise<{ files: FolderFiles; problems: RecipeProblem[] }> {
  let entries
  try {
    entries = await readdir(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const rule = code === 'ENOENT' ? 'does not exist' : code === 'ENOTDIR' ? 'is not a folder' : String(error)
    return { files: EMPTY, problems: [{ file: folder, line: 1, field: 'folder', rule }] }
  }
  const named = entries.filter((entry) => entry.name.endsWith('.yaml') && !entry.isDirectory())
  const links = named.filter((entry) => entry.isSymbolicLink()).map((entry) => join(entry.parentPath, entry.name))
  const outside = new Set(await leadingOut(folder, links))
  const paths = named
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !outside.has(path))
    .toSorted()
  const inside = (name: string) => (path: string) => relative(folder, path).split(sep)[0] === name
  return {
    files: {
      recipes: paths.filter((path) => !['hardware.yaml', 'models', 'engines'].some((name) => inside(name)(path))),
      models: paths.filter(inside('models')),
      hardware: paths.find(inside('hardware.yaml')) ?? null,
    },
    problems: [...outside].map((file) => ({ file, line: 1, field: 'file', rule: 'is a link that leads out of its folder: copy the file' })),
  }
}

/** Links to files elsewhere: what is told of a bad recipe would tell what stands in them. One that leads nowhere is for its reader to tell. */
async function leadingOut(folder: string, links: readonly string[]): Promise<string[]> {
  if (links.length === 0) return []
  const root = await realpath(folder)
  const targets = await Promise.all(links.map(async (link) => ({ link, target: await realpath(link).catch(() => null) })))
  return targets.flatMap(({ link, target }) => (target === null || target.startsWith(`${root}${sep}`) ? [] : [link]))
}

/** Id of a recipe, or name of a catalogue file: its path below the folder, without `.yaml`, with forward slashes. */
export function idOf(folder: string, file: string): string {
  return relative(folder, file)
    .split(sep)
    .join('/')
    .replace(/\.yaml$/, '')
}
