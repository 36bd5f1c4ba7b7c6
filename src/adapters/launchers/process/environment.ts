/** What engines may see of our environment: what they need to find programs, libraries, caches and GPUs, and no more. */
// prettier-ignore
const NAMES = new Set([
  'PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LANGUAGE', 'TZ', 'TMPDIR',
  'LD_LIBRARY_PATH', 'LD_PRELOAD', 'PYTHONPATH', 'VIRTUAL_ENV',
  'HF_HOME', 'HF_HUB_CACHE', 'XDG_CACHE_HOME',
  'CUDA_VISIBLE_DEVICES', 'GPU_DEVICE_ORDINAL', 'SAFETENSORS_FAST_GPU', 'CC', 'CXX',
])
const FAMILIES = /^(LC|HIP|ROCR|ROCM|HSA|AMD|AITER|VLLM|SGLANG|NCCL|RCCL|GLOO|OMP|KMP|MKL|TORCH|TORCHINDUCTOR|PYTORCH|TRITON|MIOPEN)_/
const SECRET = /TOKEN|SECRET|PASSWORD|API_KEY|ACCESS_KEY|CREDENTIAL/

/**
 * The allowed part of an environment. A secret stays out even in a family that may pass (`VLLM_API_KEY`). `SPT_NOENV` keeps Python's
 * setproctitle, which vLLM calls in each of its processes, from overwriting the memory in which the kernel shows their environment:
 * it is by their environment that we find them.
 */
export function engineEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const allowed = Object.entries(env).filter(([name]) => (NAMES.has(name) || FAMILIES.test(name)) && !SECRET.test(name))
  return { ...Object.fromEntries(allowed.filter((entry): entry is [string, string] => entry[1] !== undefined)), SPT_NOENV: '1' }
}
