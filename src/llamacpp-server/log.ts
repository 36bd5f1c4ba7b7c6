/** One line to stdout, with the time. Never prompts, answers or headers. */
export function log(message: string): void {
  process.stdout.write(line(message))
}

/** One line to stderr: why the server ends. */
export function logError(message: string): void {
  process.stderr.write(line(`error: ${message}`))
}

/** A reader of our log that goes away must not take the model down with it. */
export function surviveClosedLog(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}

function line(message: string): string {
  return `${new Date().toISOString()} ${oneLine(message)}\n`
}

/** Control characters become spaces, so that no name or message can forge a line. */
export function oneLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ').trim()
}
