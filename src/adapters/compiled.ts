import { existsSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AimError } from '../contracts/errors.js'

/**
 * Path of a file of ours that another node process runs, given relative to `src` (`llamacpp-server/main.js`). From the sources
 * (tests) it is the built one, because Node runs no TypeScript.
 */
export function compiledFile(path: string): string {
  const src = dirname(dirname(fileURLToPath(import.meta.url)))
  const built = src.endsWith(join(sep, 'dist', 'src')) ? src : join(dirname(src), 'dist', 'src')
  return join(built, path)
}

/** The same for a file that must be there. @throws AimError `Internal` when the project is not built. */
export function requireCompiledFile(path: string): string {
  const file = compiledFile(path)
  if (!existsSync(file)) throw new AimError('Internal', { reason: `${file} is missing: run \`npm run build\`` })
  return file
}
