/** Workflow ids that our client uses. A person may give another id to a deploy; the endpoint's lock holds all the same. */
export const workflowIds = {
  deploy: (endpoint: string): string => `deploy/${endpoint}`,
  undeploy: (endpoint: string): string => `undeploy/${endpoint}`,
  endpoint: (endpoint: string): string => `endpoint/${endpoint}`,
  node: (nodeId: string): string => `node/${nodeId}`,
} as const
