export { deployModel } from './deploy-model.js'
export { manageNode } from './manage-node.js'
export { superviseEndpoint } from './supervise-endpoint.js'
export { undeployModel } from './undeploy-model.js'
