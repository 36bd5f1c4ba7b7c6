/**
 * Shows control characters instead of sending them: names and model answers come from elsewhere and must not drive the terminal.
 * Newlines and tabs stay when `keep` is 'lines'.
 */
export function visible(text: string, keep: 'none' | 'lines' = 'none'): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (char) =>
    keep === 'lines' && (char === '\n' || char === '\t') ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
