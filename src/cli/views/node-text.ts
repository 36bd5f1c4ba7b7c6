/** Name of a node; one whose hardware is a captured inventory says so wherever it is shown. */
export function nodeText(node: string, simulated: boolean | undefined): string {
  return simulated === true ? `${node} (simulated)` : node
}
