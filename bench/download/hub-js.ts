/** A process of its own that brings one model with `@huggingface/hub`. Run as: node hub-js.js <endpoint> <repo> <folder> */
import { snapshotDownload } from '@huggingface/hub'

const [hubUrl = '', name = '', cacheDir = ''] = process.argv.slice(2)
await snapshotDownload({ repo: { type: 'model', name }, hubUrl, cacheDir })
