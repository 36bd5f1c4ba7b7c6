import { spawn } from 'node:child_process'
import { endGroup } from '../../config/child-processes.js'
import { decode } from './file-tree.js'

/** What a tool printed, why it could not be used, or null where it is not installed. */
export type ToolResult = { stdout: string; exit: string } | { failure: string } | null
export type RunTool = (program: string, argv: string[]) => Promise<ToolResult>

const MOST_BYTES = 32 * 2 ** 20

/**
 * Runs one of AMD's tools without a shell, in a process group of its own: it may hang, and then all of it is killed. A tool that fails
 * prints its reason on standard output, so that counts whatever its exit code is.
 */
export function toolRunner(timeoutMs: number, env: NodeJS.ProcessEnv = process.env): RunTool {
  return (program, argv) =>
    new Promise((resolve) => {
      const path = `${env['PATH'] ?? ''}:/opt/rocm/bin`
      const child = spawn(program, argv, { env: { ...env, PATH: path }, detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
      const chunks: Buffer[] = []
      let size = 0
      const end = (result: ToolResult): void => {
        clearTimeout(limit)
        resolve(result)
      }
      const kill = (failure: string): void => {
        endGroup(child.pid)
        child.stdout.destroy()
        end({ failure })
      }
      const limit = setTimeout(() => kill(`took longer than ${timeoutMs / 1000} s and was killed`), timeoutMs)
      child.stdout.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size > MOST_BYTES) kill('printed without end and was killed')
      })
      child.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ENOENT' ? null : { failure: error.message }))
      child.once('close', (code, signal) => end({ stdout: decode(Buffer.concat(chunks)), exit: String(code ?? signal) }))
    })
}
