import { describe, expect, test } from 'vitest'
import { createRecipes } from '../../src/adapters/recipes/create-recipes.js'
import { variableProblem } from '../../src/engines/environment.js'

const CODE = 'would load code that nobody consented to'

describe('a variable of a recipe', () => {
  test.each(
    (
      'LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT PYTHONPATH PYTHONSTARTUP PYTHONHOME PYTHONINSPECT PATH NODE_OPTIONS BASH_ENV PERL5OPT RUBYOPT ' +
      'CC GIT_SSH_COMMAND OPENSSL_CONF JAVA_TOOL_OPTIONS PYTORCH_NVCC TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD TRITON_CACHE_MANAGER ' +
      'VLLM_PLUGINS VLLM_ALLOW_INSECURE_SERIALIZATION VLLM_ALLOW_RUNTIME_LORA_UPDATING VLLM_SERVER_DEV_MODE VLLM_USE_MODELSCOPE ' +
      'VLLM_LORA_RESOLVER_HF_REPO_LIST SGLANG_EXTERNAL_MODEL_PACKAGE SGLANG_PLUGINS SGLANG_USE_PICKLE_IPC SGLANG_USE_MODELSCOPE ' +
      'SGLANG_TEST_SCRIPTED_RUNTIME NCCL_NET_PLUGIN TORCHINDUCTOR_FX_GRAPH_REMOTE_CACHE'
    ).split(' '),
  )('%s is refused for every backend: it loads code', (name) => {
    for (const backend of ['vllm', 'sglang', 'llamacpp', 'custom'] as const) expect(variableProblem(backend, name, '1')).toBe(CODE)
  })

  test.each(
    (
      'TORCH_EXTENSIONS_DIR TORCHINDUCTOR_CACHE_DIR TRITON_CACHE_DIR TRITON_HIP_LLD_PATH HSA_TOOLS_LIB OMP_TOOL_LIBRARIES ROCM_PATH ' +
      'NCCL_DEBUG_FILE HIPBLASLT_TENSILE_LIBPATH TORCH_CUSTOM_PYTHONPATH VLLM_NCCL_SO_PATH VLLM_RUST_FRONTEND_PATH VLLM_CACHE_ROOT ' +
      'VLLM_TUNED_CONFIG_FOLDER VLLM_LOGGING_CONFIG_PATH SGLANG_HTTP_SERVER_APP_PATH SGLANG_JIT_CACHE_DIR'
    ).split(' '),
  )('%s is refused for every backend: it names what is loaded', (name) => {
    for (const backend of ['vllm', 'custom'] as const) expect(variableProblem(backend, name, 'x')).toMatch(/^names a file or folder/)
  })

  test.each(
    (
      'HIP_VISIBLE_DEVICES CUDA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES HF_ENDPOINT HF_HUB_OFFLINE HF_HOME TRANSFORMERS_CACHE HOME XDG_CACHE_HOME ' +
      'HTTPS_PROXY http_proxy SSL_CERT_FILE VLLM_HOST_IP VLLM_PORT VLLM_NO_USAGE_STATS SGLANG_PORT MODELSCOPE_CACHE'
    ).split(' '),
  )('%s is the launcher’s or the node’s', (name) => {
    for (const backend of ['sglang', 'custom'] as const) expect(variableProblem(backend, name, 'x')).toMatch(/^is (set by|for the)/)
  })

  test('that tunes no engine is for a custom backend alone', () => {
    for (const name of ['MODE', 'A', 'RAY_ADDRESS', 'MODEL_DIR']) {
      expect(variableProblem('custom', name, '/data')).toBeNull()
      expect(variableProblem('vllm', name, '1')).toBe('is none that tunes vllm or a library below it')
    }
  })

  test('that tunes names no path, however it is called', () => {
    expect(variableProblem('vllm', 'AITER_CONFIG_GEMM', '/tmp/own.csv')).toMatch(/^names a file or folder/)
  })

  test.each(
    (
      'VLLM_DISABLE_COMPILE_CACHE TORCHINDUCTOR_FX_GRAPH_CACHE NCCL_SOCKET_IFNAME PYTORCH_CUDA_ALLOC_CONF HSA_OVERRIDE_GFX_VERSION ' +
      'GPU_MAX_HW_QUEUES TOKENIZERS_PARALLELISM OMP_NUM_THREADS PYTHONUNBUFFERED SGLANG_QWEN4_PLE_FILE_PREFETCH'
    ).split(' '),
  )('%s may be said', (name) => {
    expect(variableProblem('sglang', name, '1')).toBeNull()
  })

  test('of our own recipes passes', async () => {
    const recipes = await createRecipes({ ours: 'recipes', user: [] }).all()
    const said = recipes.flatMap(({ backend, env }) => Object.entries(env).map(([name, value]) => ({ backend, name, value })))
    expect(said.length).toBeGreaterThan(100)
    expect(said.filter(({ backend, name, value }) => variableProblem(backend, name, value) !== null)).toEqual([])
  })
})
