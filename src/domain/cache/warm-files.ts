import type { WeightFormat } from '../recipe.js'
import { chooseFiles, type FileChoice } from '../weight-files.js'

/** What is brought ahead of any deploy: as asked; else safetensors where the repository has them, else its one GGUF file. */
export function filesToWarm(
  files: { path: string; size: number }[],
  { format, file }: { format?: WeightFormat | undefined; file?: string | undefined },
): FileChoice {
  if (format !== undefined) return chooseFiles(format, files, file)
  if (file !== undefined) return chooseFiles('gguf', files, file)
  const safetensors = chooseFiles('safetensors', files)
  if (!('problem' in safetensors)) return safetensors
  const gguf = chooseFiles('gguf', files)
  return 'problem' in gguf && !files.some(({ path }) => path.endsWith('.gguf'))
    ? { problem: `${safetensors.problem}; ${gguf.problem}` }
    : gguf
}
