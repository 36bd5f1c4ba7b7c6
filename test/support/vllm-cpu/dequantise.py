"""Writes a safetensors checkpoint from the weights of SmolLM2: dequantise.py GGUF FOLDER"""

import hashlib
import os
import shutil
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

source, target = sys.argv[1:]
with open(source, "rb") as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
if digest != SHA256:
    sys.exit(f"{source}: its sha256 is {digest}, not {SHA256}")

folder, name = os.path.split(source)
model = AutoModelForCausalLM.from_pretrained(
    folder, gguf_file=name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
# A GGUF does not tell the tokenizer how long a text may be.
tokenizer.model_max_length = model.config.max_position_embeddings

# Renamed when whole, so that no one takes half a checkpoint for one.
part = f"{target}.part"
shutil.rmtree(part, ignore_errors=True)
model.save_pretrained(part)
tokenizer.save_pretrained(part)
shutil.rmtree(target, ignore_errors=True)
os.rename(part, target)
