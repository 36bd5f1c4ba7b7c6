import type { Backend } from '../domain/engine.js'

/** Variables that tune an engine or a library of AMD's stack. */
const TUNING = (
  'VLLM_ SGLANG_ GGML_ AITER_ AMDGCN_ FLASH_ATTENTION_ GLOO_ GPU_ HIP_ DEBUG_HIP_ HIPBLASLT_ HSA_ KMP_ MIOPEN_ MORI_ ' +
  'NCCL_ OMP_ PYTORCH_ RCCL_ ROCBLAS_ ROCM_ SAFETENSORS_ TENSILE_ TOKENIZERS_ TORCH_ TORCHDYNAMO_ TORCHINDUCTOR_ ' +
  'TRITON_ USE_ROCM_'
).split(' ')
/** A secret in a recipe is a secret in every record of a deployment. */
const SECRET = /(TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY|CREDENTIALS?)$/
/** Those of Python's own that change no more than how it prints and counts. */
const HARMLESS = /^PYTHON(UNBUFFERED|HASHSEED|FAULTHANDLER|DONTWRITEBYTECODE)$/

type Refused = { names: RegExp; rule: string }

const CODE = 'would load code that nobody consented to'
const FILE = 'names a file or folder, and what lies there would be loaded: a recipe says figures, switches and words'
const LAUNCHER = 'is set by the launcher'
const NODE = 'is for the node to say, not for a recipe'

/** Refused for every backend. Names are compared in upper case: programs read `http_proxy` as well. */
const FOR_ALL: readonly Refused[] = [
  // With two of these set, frameworks disagree on which one counts.
  { names: /(_VISIBLE_DEVICES|^GPU_DEVICE_ORDINAL)$/, rule: 'is for the lease to say: HIP_VISIBLE_DEVICES is set by the launcher' },
  { names: /^AIM_ENGINE_/, rule: LAUNCHER },
  { names: SECRET, rule: 'would write a secret into the history' },
  // Loaders, interpreters and compilers that take code or options from their environment.
  { names: /^(LD|DYLD|GCONV|GLIBC|PYTHON|NODE|BASH|PERL|PERL5|RUBY|JAVA|JDK|_JAVA|LUA|GIT|OPENSSL|CONDA|PIP|UV)(_|\d|$)/, rule: CODE },
  {
    names:
      /^(PYTHON|PERL5|RUBY|BASH|LUA)[A-Z]+$|^(ENV|SHELL|SHELLOPTS|PATH|CLASSPATH|PS4|PROMPT_COMMAND|IFS|CC|CXX|CUDAHOSTCXX|PYTORCH_NVCC)$/,
    rule: CODE,
  },
  { names: /^(HOME|TMPDIR|TMP|TEMP|USER|LOGNAME)$|^XDG_/, rule: NODE },
  { names: /_PROXY$|^(SSL_CERT|REQUESTS_CA|CURL_CA)_/, rule: NODE },
  // The weights are on the disk and verified: where a hub is, and whether it is asked, is no recipe's to say.
  { names: /^(HF|HUGGING_?FACE|TRANSFORMERS|DIFFUSERS|MODELSCOPE)_/, rule: LAUNCHER },
]

/** Refused among the variables that tune. The names are those of vLLM 0.32 (`vllm/envs.py`), SGLang 0.5.23 (`srt/environ.py`) and PyTorch. */
const OF_TUNING: readonly Refused[] = [
  { names: /^VLLM_(NO_USAGE_STATS|DO_NOT_TRACK|USAGE_STATS_SERVER)$/, rule: LAUNCHER },
  { names: /_(HOST|IP|PORT|URL|URI|PEERS|BACKUP_PORT_BASE)$|^NCCL_COMM_ID$/, rule: LAUNCHER },
  { names: /^VLLM_(ALLOW_INSECURE_SERIALIZATION|ALLOW_RUNTIME_LORA_UPDATING|SERVER_DEV_MODE|USE_MODELSCOPE)$/, rule: CODE },
  { names: /^VLLM_(LORA_RESOLVER_|TEST_|RAY_EXTRA_ENV|GPT_OSS_SYSTEM_TOOL|USE_RUST_|USE_PRECOMPILED)/, rule: CODE },
  { names: /^SGLANG_(EXTERNAL_|TEST_|PLATFORM$|USE_MODELSCOPE$|RUST_|EXPOSE_OWN_ENV_VARS$|PYSPY_|WEIGHT_CACHE_)/, rule: CODE },
  { names: /^(TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD|TORCH_WORKER_SERVER_SOCKET|TRITON_CACHE_MANAGER)$/, rule: CODE },
  { names: /(^|_)(PLUGINS?|PICKLE|REMOTE|PRELOAD|PACKAGE|INSECURE|TRUST)(_|$)/, rule: CODE },
  {
    names: /(PATHS?|_(DIRS?|FOLDER|FILE(NAME)?S?|HOME|ROOT|LIB(RARY|RARIES)?|SO))$|^TORCH_(LOGS_OUT|TRACE)$|^VLLM_(ASSETS|MEDIA)_CACHE$/,
    rule: FILE,
  },
]

/**
 * Why a recipe may not say a variable; null: it may. For a backend whose program we know, only what tunes it; for a custom one whatever is
 * not known to load code. Never a value that names a path where the variable is one that tunes.
 */
export function variableProblem(backend: Backend, name: string, value: string): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return 'must be the name of an environment variable'
  if (value.includes('\0')) return 'must not contain a NUL character'
  if (HARMLESS.test(name)) return null
  const upper = name.toUpperCase()
  const refused = ruleOf(FOR_ALL, upper)
  if (refused !== null) return refused
  if (!TUNING.some((prefix) => upper.startsWith(prefix)))
    return backend === 'custom' ? null : `is none that tunes ${backend} or a library below it`
  return ruleOf(OF_TUNING, upper) ?? (value.includes('/') ? FILE : null)
}

function ruleOf(list: readonly Refused[], name: string): string | null {
  return list.find(({ names }) => names.test(name))?.rule ?? null
}
