const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

export type Style = keyof typeof CODES
/** Puts a style around a text, or leaves it as it is where colours are off. */
export type Paint = (style: Style, text: string) => string

export const plainPaint: Paint = (_style, text) => text
export const colourPaint: Paint = (style, text) => `\u001b[${CODES[style][0]}m${text}\u001b[${CODES[style][1]}m`

/** `--no-color`, then NO_COLOR (https://no-color.org), then FORCE_COLOR, then whether the stream is a terminal that knows colours. */
export function paintFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv, colourFlag = true): Paint {
  return wantsColour(stream, env, colourFlag) ? colourPaint : plainPaint
}

function wantsColour(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv, colourFlag: boolean): boolean {
  if (!colourFlag || env['NO_COLOR']) return false
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0'
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}
