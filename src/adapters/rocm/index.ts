export { capture, type Captured } from './capture.js'
export { inspectCaptures } from './captures.js'
export { inspectGpus } from './live.js'
export { toolRunner, type RunTool } from './run-tool.js'
