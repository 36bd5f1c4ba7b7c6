/** Workflow ids that our client uses. A person may give another id to a deploy; the endpoint's lock holds all the same. */
export const workflowIds = {
  /** A dry run takes no lock, so that any number of them may run. */
  plan: (endpoint: string, unique: string): string => `plan/${endpoint}/${unique}`,
  deploy: (endpoint: string): string => `deploy/${endpoint}`,
  undeploy: (endpoint: string): string => `undeploy/${endpoint}`,
  endpoint: (endpoint: string): string => `endpoint/${endpoint}`,
  repair: (endpoint: string, number: number): string => `endpoint/${endpoint}/repair/${number}`,
  health: (endpoint: string): string => `health/${endpoint}`,
  warm: (repo: string, ref: string): string => `warm/${repo}@${ref}`,
  refresh: 'refresh/cache',
  /** Temporal adds the time to it. */
  scheduledRefresh: 'refresh/scheduled',
  node: (nodeId: string): string => `node/${nodeId}`,
} as const

/** The one schedule that looks after the caches. */
export const REFRESH_SCHEDULE = 'aim-cache-refresh'

/** The schedule of an endpoint's checks. */
export const healthSchedule = (endpoint: string): string => `aim-health-${endpoint}`
