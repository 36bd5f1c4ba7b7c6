import { readdir } from 'node:fs/promises'
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
  const paths = entries
    .filter((entry) => entry.name.endsWith('.yaml') && !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  const inside = (name: string) => (path: string) => relative(folder, path).split(sep)[0] === name
  return {
    files: {
      recipes: paths.filter((path) => !['hardware.yaml', 'models', 'engines'].some((name) => inside(name)(path))),
      models: paths.filter(inside('models')),
      hardware: paths.find(inside('hardware.yaml')) ?? null,
    },
    problems: [],
  }
}

/** Id of a recipe, or name of a catalogue file: its path below the folder, without `.yaml`, with forward slashes. */
export function idOf(folder: string, file: string): string {
  return relative(folder, file)
    .split(sep)
    .join('/')
    .replace(/\.yaml$/, '')
}
