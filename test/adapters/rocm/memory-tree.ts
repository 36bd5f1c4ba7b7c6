import type { FileTree } from '../../../src/adapters/rocm/file-tree.js'

/** Files that lie nowhere. */
export function memoryTree(files: Readonly<Record<string, string>>): FileTree {
  return {
    async read(path) {
      const text = files[path]
      return text === undefined ? null : { text }
    },
    async list(path) {
      const below = Object.keys(files).filter((file) => file.startsWith(`${path}/`))
      return below.length === 0 ? null : [...new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))]
    },
  }
}
