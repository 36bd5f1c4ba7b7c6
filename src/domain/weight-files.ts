import type { WeightFormat } from './recipe.js'

type RepoFile = { path: string; size: number }

/** The files of a repository that one backend needs, or why there are none. `main` is the one file to load (GGUF). */
export type FileChoice = { files: string[]; main?: string } | { problem: string }

/** Chooses files by format, from those that `keepLoadable` let pass: pickles and code are among them only by consent. */
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
  if (!top.some((file) => file.path.endsWith('.safetensors') || isPickle(file.path)))
    return { problem: 'no safetensors file in the repository' }
  if (!top.some((file) => file.path === 'config.json')) return { problem: 'no config.json in the repository' }
  return {
    files: top
      .filter((file) => isModelPart(file.path) || isPickle(file.path) || isCode(file.path))
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

/** What the operator lets a repository bring, besides data. */
export type Consent = { pickle: boolean; code: boolean }

/**
 * The files that any backend may need: what a pinned model keeps of a repository that holds thousands. Pickles run code when they are loaded:
 * they are kept by consent, and only where there are no other weights; `refused` names them where consent is missing.
 */
export function keepLoadable<File extends RepoFile>(files: File[], { pickle, code }: Consent): { files: File[]; refused: File[] } {
  const pickles = files.some(({ path }) => path.endsWith('.gguf') || (isAtTop(path) && path.endsWith('.safetensors')))
    ? []
    : files.filter(({ path }) => isAtTop(path) && isPickle(path))
  const isKept = (file: File): boolean =>
    file.path.endsWith('.gguf') ||
    (isAtTop(file.path) && (isModelPart(file.path) || (code && isCode(file.path)))) ||
    (pickle && pickles.includes(file))
  return { files: files.filter(isKept), refused: pickle ? [] : pickles }
}

const isAtTop = (path: string): boolean => !path.includes('/')
const isCode = (path: string): boolean => path.endsWith('.py')

/** Pickled weights; what training leaves beside them is none. */
export function isPickle(path: string): boolean {
  return /\.(bin|pt|pth|ckpt|pkl)$/.test(path) && !/^(training_args|optimizer|scheduler|scaler|rng_state)/.test(path)
}

/** Weights, configuration, tokenizer and chat template; not other formats, pictures or notes. */
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
