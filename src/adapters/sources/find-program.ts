import { access, constants } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'

/** Full path of a program: a path as it is, a name as PATH finds it; null: not there, or not to be executed. */
export async function findProgram(program: string): Promise<string | null> {
  const folders = isAbsolute(program) || program.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  for (const folder of folders) {
    const path = folder === '' ? program : join(folder, program)
    const mayRun = await access(path, constants.X_OK).then(
      () => true,
      () => false, // absent, or not ours to run
    )
    if (mayRun) return path
  }
  return null
}
