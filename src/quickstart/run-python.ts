import { execFile } from 'node:child_process'

/** Programs that may be Python 3, in the order they are tried. */
const PYTHONS = ['python3', 'python']
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024

/** Runs Python without a shell, its temporary files in `tmp`. @throws Error with the last thing it said, without any password of an index URL. */
export async function runPython(args: string[], options: { tmp: string; signal: AbortSignal | undefined }): Promise<void> {
  for (const program of PYTHONS) {
    if (await runIfFound(program, args, options)) return
  }
  throw new Error(`there is no Python here (looked for ${PYTHONS.join(', ')})`)
}

function runIfFound(program: string, args: string[], { tmp, signal }: { tmp: string; signal: AbortSignal | undefined }): Promise<boolean> {
  const env = { ...process.env, TMPDIR: tmp, LC_ALL: 'C.UTF-8' }
  return new Promise((resolve, reject) => {
    execFile(program, args, { env, maxBuffer: MAX_OUTPUT_BYTES, ...(signal && { signal }) }, (error, _stdout, stderr) => {
      if (error === null) resolve(true)
      else if (error.code === 'ENOENT') resolve(false)
      else reject(new Error(lastWords(stderr) ?? error.message, { cause: error }))
    })
  })
}

/** pip's "ERROR: why", with the broken connection behind it when there was one; other programs end with their reason. */
function lastWords(stderr: string): string | null {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const line = lines.findLast((candidate) => candidate.startsWith('ERROR:')) ?? lines.at(-1)
  if (line === undefined) return null
  const broken = /connection broken by (.+): \//.exec(stderr)?.[1]
  const words = line.replace(/^ERROR:\s*/, '') + (broken === undefined ? '' : ` (${broken})`)
  return words.replaceAll(/\/\/[^/\s@]+@/g, '//')
}
