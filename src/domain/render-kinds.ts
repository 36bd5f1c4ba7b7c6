/** The forms in which a candidate can be printed, to run it elsewhere. */
export const RENDER_KINDS = ['command', 'docker', 'compose', 'k8s'] as const
export type RenderKind = (typeof RENDER_KINDS)[number]
