export const PROGRESS_MODES = ['auto', 'tty', 'plain', 'json', 'none'] as const
export type ProgressMode = (typeof PROGRESS_MODES)[number]
