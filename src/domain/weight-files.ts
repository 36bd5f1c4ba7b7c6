import type { WeightFormat } from './recipe.js'

type RepoFile = { path: string; size: number }

/** The files of a repository that one backend needs, or why there are none. `main` is the one file to load (GGUF). */
export type FileChoice = { files: string[]; main?: string } | { problem: string }

/** Chooses files by format. Pickle weights are never chosen: they run code when they are loaded. */
export function chooseFiles(format: WeightFormat, files: RepoFile[], wanted?: string): FileChoice {
  return format === 'gguf' ? oneGguf(files, wanted) : safetensors(files, wanted)
}

function oneGguf(files: RepoFile[], wanted?: string): FileChoice {
  const ggufs = files.filter((file) => file.path.endsWith('.gguf'))
  if (wanted !== undefined) {
    if (ggufs.some((file) => file.path === wanted)) return { files: [wanted], main: wanted }
    return { problem: `no GGUF file ${wanted}; there are: ${names(ggufs)}` }
  }
  const [first, ...others] = ggufs
  if (first === undefined) return { problem: 'no GGUF file in the repository' }
  if (others.length > 0) return { problem: `several GGUF files, name one with file: ${names(ggufs)}` }
  return { files: [first.path], main: first.path }
}

function safetensors(files: RepoFile[], wanted?: string): FileChoice {
  if (wanted !== undefined) return { problem: `loads a whole repository, not one file (${wanted})` }
  const top = withoutCopies(files.filter((file) => !file.path.includes('/')))
  if (!top.some((file) => file.path.endsWith('.safetensors'))) return { problem: 'no safetensors file in the repository' }
  if (!top.some((file) => file.path === 'config.json')) return { problem: 'no config.json in the repository' }
  return {
    files: top
      .filter((file) => isModelPart(file.path))
      .map((file) => file.path)
      .toSorted(),
  }
}

/** Some makers keep the same weights a second time, as one file of their own format. */
export function withoutCopies<File extends { path: string }>(files: File[]): File[] {
  const isCopy = ({ path }: File) => /^consolidated.*\.safetensors$/.test(path)
  const isOriginal = (file: File) => file.path.endsWith('.safetensors') && !isCopy(file)
  return files.some(isOriginal) ? files.filter((file) => !isCopy(file)) : files
}

/** Whether any backend may need this file: what a pinned model keeps of a repository that holds thousands. */
export function isLoadable(path: string): boolean {
  return path.endsWith('.gguf') || (!path.includes('/') && isModelPart(path))
}

/** Weights, configuration, tokenizer and chat template; not pickles, code, other formats, pictures or notes. */
function isModelPart(path: string): boolean {
  return /\.(safetensors|json|jinja|model|tiktoken)$/.test(path) || path === 'merges.txt' || path === 'vocab.txt'
}

function names(files: RepoFile[]): string {
  return files.length === 0
    ? 'none'
    : files
        .map((file) => file.path)
        .toSorted()
        .join(', ')
}
