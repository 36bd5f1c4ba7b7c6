import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** A recipe is a page of text; more is a mistake or an attack. Bytes. */
export const LARGEST_YAML = 256 * 1024

/**
 * The text of a file, or why not. Only of a regular file of at most `most` bytes: a pipe would be waited for, and a device has no end.
 * It is opened without waiting and then looked at, so that nothing can be put in its place between the two.
 */
export async function readText(file: string, most: number): Promise<{ text: string } | { rule: string }> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const found = await handle.stat()
      if (!found.isFile()) return { rule: 'is no regular file' }
      if (found.size > most) return { rule: `is ${found.size} bytes long, more than ${most}` }
      return { text: await handle.readFile('utf8') }
    } finally {
      await handle.close()
    }
  } catch (error) {
    return { rule: `cannot be read: ${(error as NodeJS.ErrnoException).code}` }
  }
}
