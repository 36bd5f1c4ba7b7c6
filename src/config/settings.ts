import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { NodeId, Port } from '../contracts/names.js'
import { parseFree } from '../domain/cache/policy.js'
import { parseBytes } from '../domain/units.js'
import { Folder } from './folder-rule.js'
import { CdnTemplate, PeerAddress, PlainUrl, S3Address, SourceOrder } from './source-rules.js'

const SecretReference = z.string().regex(/^(env|file):.+$/, 'must be a reference: env:NAME or file:/path')
const Address = z.string().regex(/^[\w.-]+:\d{1,5}$/, 'must be host:port')
const HttpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' })

/**
 * Every setting: its environment variable, its rule and its default. Order: default < environment < profile (`<AIM_HOME>/config.yaml`) < flag.
 * The keys are the names in the profile file and in `aim config view`.
 */
export const SETTINGS = {
  home: { env: 'AIM_HOME', rule: Folder, default: () => join(homedir(), '.aim'), about: 'state of this machine' },
  cacheDir: {
    env: 'AIM_CACHE_DIR',
    rule: Folder,
    default: () => join(homedir(), '.cache', 'aim-engine'),
    about: 'tools that were obtained',
  },
  hfHome: {
    env: 'HF_HOME',
    rule: Folder,
    default: () => join(homedir(), '.cache', 'huggingface'),
    about: 'weights, in the Hugging Face layout',
  },
  hubEndpoint: { env: 'HF_ENDPOINT', rule: HttpUrl, default: () => 'https://huggingface.co', about: 'hub that models come from' },
  hubDir: {
    env: 'AIM_HUB_DIR',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'folder of models that `aim up` serves as its hub, in place of HF_ENDPOINT',
  },
  hubToken: {
    env: 'AIM_HUB_TOKEN',
    rule: SecretReference,
    default: () => 'env:HF_TOKEN',
    about: 'where the hub token is read, never the token',
  },
  sources: {
    env: 'AIM_SOURCES',
    rule: SourceOrder,
    default: () => 'peers,mirror,s3,hub,cdn',
    about: 'where weights may come from, best first; what is not configured is left out',
  },
  mirror: {
    env: 'AIM_MIRROR',
    rule: PlainUrl.optional(),
    default: () => undefined,
    about: 'a server near by in the protocol of the hub, asked without the token',
  },
  cdn: {
    env: 'AIM_CDN',
    rule: CdnTemplate.optional(),
    default: () => undefined,
    about: 'URL of a file at a CDN, with {repo}, {commit}, {path} or {digest}',
  },
  s3: { env: 'AIM_S3', rule: S3Address.optional(), default: () => undefined, about: 'store of weights: s3://bucket/prefix' },
  s3Endpoint: {
    env: 'AIM_S3_ENDPOINT',
    rule: PlainUrl.optional(),
    default: () => undefined,
    about: 'address of an S3-compatible store; absent: AWS',
  },
  s3Region: {
    env: 'AIM_S3_REGION',
    rule: z
      .string()
      .regex(/^[a-z0-9-]{1,40}$/, 'must be the name of a region')
      .optional(),
    default: () => undefined,
    about: 'its region; absent: as the AWS tools find it',
  },
  s3PathStyle: {
    env: 'AIM_S3_PATH_STYLE',
    rule: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
    default: () => undefined,
    about: 'bucket in the path instead of the host name; absent: true with AIM_S3_ENDPOINT',
  },
  hfBin: {
    env: 'AIM_HF_BIN',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'the `hf` program, the last resort of downloads; absent: found on PATH',
  },
  peerAddress: {
    env: 'AIM_PEER_ADDRESS',
    rule: PeerAddress,
    default: () => '127.0.0.1:0',
    about: 'host:port where this node serves its weights to other nodes, port 0: a free one; or off',
  },
  peerUrl: {
    env: 'AIM_PEER_URL',
    rule: PlainUrl.optional(),
    default: () => undefined,
    about: 'where other nodes reach that; absent: the address, with the host name for 0.0.0.0',
  },
  peerToken: {
    env: 'AIM_PEER_TOKEN',
    rule: SecretReference.optional(),
    default: () => undefined,
    about: 'where the token that nodes show each other is read; needed beyond loopback',
  },
  temporalAddress: {
    env: 'TEMPORAL_ADDRESS',
    rule: Address.optional(),
    default: () => undefined,
    about: 'Temporal cluster; absent: one of our own',
  },
  temporalNamespace: { env: 'TEMPORAL_NAMESPACE', rule: z.string().min(1), default: () => 'default', about: 'Temporal namespace' },
  temporalBin: { env: 'AIM_TEMPORAL_BIN', rule: z.string().optional(), default: () => undefined, about: 'Temporal server program' },
  temporalPort: {
    env: 'AIM_TEMPORAL_PORT',
    rule: z.coerce.number().pipe(Port),
    default: () => 7233,
    about: 'port of our own Temporal server',
  },
  uiPort: { env: 'AIM_UI_PORT', rule: z.coerce.number().pipe(Port), default: () => 8233, about: 'port of its web page' },
  apiPort: { env: 'AIM_API_PORT', rule: z.coerce.number().pipe(Port), default: () => 8700, about: 'port of our own API' },
  databaseUrl: {
    env: 'DATABASE_URL',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'PostgreSQL; absent: one in this process',
    secret: true,
  },
  nodeId: { env: 'AIM_NODE_ID', rule: NodeId, default: () => nodeIdFrom(hostname()), about: 'stable id of this node' },
  simulate: {
    env: 'AIM_SIMULATE',
    rule: z.string().min(1).optional(),
    default: () => undefined,
    about: 'folder of `aim node capture` that stands for the GPUs of this node; everything then says `simulated`',
  },
  nodeGraceSeconds: {
    env: 'AIM_NODE_GRACE_SECONDS',
    rule: z.coerce.number().pipe(z.int().min(1, 'must be 1 or higher').max(86_400, 'must be 86400 or lower')),
    default: () => 60,
    about: 'seconds that this node may be silent before it counts as lost and its endpoints move',
  },
  vramWaitSeconds: {
    env: 'AIM_VRAM_WAIT_SECONDS',
    rule: z.coerce.number().pipe(z.number().min(0, 'must be 0 or higher').max(600, 'must be 600 or lower')),
    default: () => 20,
    about: 'seconds that a GPU may take to show its memory free before it counts as stuck',
  },
  enginePorts: {
    env: 'AIM_ENGINE_PORTS',
    rule: z.string().regex(/^\d{4,5}-\d{4,5}$/, 'must be a range: 8100-8199'),
    default: () => '8100-8199',
    about: 'ports that endpoints may take',
  },
  hangSeconds: {
    env: 'AIM_HANG_SECONDS',
    rule: z.coerce.number().pipe(z.number().min(5, 'must be 5 or higher').max(3_600, 'must be 3600 or lower')),
    default: () => 60,
    about: 'an engine that has computed nothing for this long, though asked, hangs and is started again',
  },
  stallSeconds: {
    env: 'AIM_STALL_SECONDS',
    rule: z.coerce.number().pipe(z.number().min(1, 'must be 1 or higher').max(86_400, 'must be 86400 or lower')),
    default: () => 600,
    about: 'a start that writes nothing to its log for this long, or that is up and completes no request, has failed',
  },
  vllmBin: {
    env: 'AIM_VLLM_BIN',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'the `vllm` program; absent: found on PATH',
  },
  sglangBin: {
    env: 'AIM_SGLANG_BIN',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'the `sglang` program; absent: found on PATH',
  },
  recipesDir: {
    env: 'AIM_RECIPES',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'folders of your own recipes, separated by colons; they override ours',
  },
  nodeLabels: {
    env: 'AIM_NODE_LABELS',
    rule: z
      .string()
      .regex(/^([\w./-]{1,63}=[\w.-]{0,63})(,[\w./-]{1,63}=[\w.-]{0,63})*$/, 'must be name=value pairs: zone=a,rack=7')
      .optional(),
    default: () => undefined,
    about: 'labels of this node, for --label',
  },
  pricesFile: {
    env: 'AIM_PRICES',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'YAML file with the price of a GPU-hour by card',
  },
  remoteCode: {
    env: 'AIM_ALLOW_REMOTE_CODE',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'repositories whose own code may run, separated by commas: org/name or org/*; absent: none',
  },
  pickle: {
    env: 'AIM_ALLOW_PICKLE',
    rule: z.string().optional(),
    default: () => undefined,
    about: 'repositories whose pickle weights may be fetched and loaded, which can run code: org/name or org/*; absent: none',
  },
  cacheMax: {
    env: 'AIM_CACHE_MAX',
    rule: z
      .string()
      .refine((text) => parseBytes(text) !== null, 'must be a size: 500GB')
      .optional(),
    default: () => undefined,
    about: 'most bytes in the cache: what `aim cache prune` and the schedule keep it below',
  },
  cacheFree: {
    env: 'AIM_CACHE_FREE',
    rule: z
      .string()
      .refine((text) => parseFree(text) !== null, 'must be a share of the volume, 10%, or 10%-20%')
      .optional(),
    default: () => undefined,
    about: 'share of the cache volume to keep free, 10%; 10%-20%: below 10% evict until 20% is free',
  },
} as const satisfies Record<string, Setting>

interface Setting {
  env: string
  rule: z.ZodType
  default: () => unknown
  about: string
  secret?: boolean
}

export type SettingName = keyof typeof SETTINGS
export type Settings = { [K in SettingName]: z.infer<(typeof SETTINGS)[K]['rule']> }

function nodeIdFrom(name: string): string {
  const id = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, '-')
    .replaceAll(/^[.-]+|[.-]+$/g, '')
    .slice(0, 63)
  return id === '' ? 'node' : id
}
