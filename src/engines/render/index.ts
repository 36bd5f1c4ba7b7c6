import type { RenderKind } from '../../domain/render-kinds.js'
import { renderCommand } from './command.js'
import { renderCompose } from './compose.js'
import { renderDocker } from './docker.js'
import { checkedContainer, type RenderInput } from './input.js'
import { renderK8s } from './k8s.js'
import { commentLine } from './shell.js'

export type { RenderInput } from './input.js'

const FORMS = {
  command: renderCommand,
  docker: (input) => renderDocker(checkedContainer(input)),
  compose: (input) => renderCompose(checkedContainer(input)),
  k8s: (input) => renderK8s(checkedContainer(input)),
} as const satisfies Record<RenderKind, (input: RenderInput) => string>

/**
 * The exact thing that would run, after its remarks as comments: text that can be pasted (command, docker) or saved (compose, k8s).
 * @throws AimError `InvalidInput` when this form cannot run it.
 */
export function render(kind: RenderKind, input: RenderInput): string {
  return (input.remarks ?? []).map(commentLine).join('') + FORMS[kind](input)
}

/** Address that an engine of this form listens on: on a machine itself only, in a container wherever its port is published from. */
export function hostFor(kind: RenderKind): string {
  return kind === 'command' ? '127.0.0.1' : '0.0.0.0'
}
