/** Workflow ids that our client uses. A person may give another id to a deploy; the endpoint's lock holds all the same. */
export const workflowIds = {
  /** A dry run takes no lock, so that any number of them may run. */
  plan: (endpoint: string, unique: string): string => `plan/${endpoint}/${unique}`,
  deploy: (endpoint: string): string => `deploy/${endpoint}`,
  undeploy: (endpoint: string): string => `undeploy/${endpoint}`,
  endpoint: (endpoint: string): string => `endpoint/${endpoint}`,
  node: (nodeId: string): string => `node/${nodeId}`,
} as const
