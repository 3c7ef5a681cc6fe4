"""Files of weights, written by other code than the package's reader."""

import json
import struct

import torch


def save_safetensors(path, tensors, header=None):
    """Written as the format's own description says, and not by the safetensors library."""
    names = {torch.float32: "F32", torch.int64: "I64", torch.float16: "F16", torch.bfloat16: "BF16"}
    entries, blobs, at = {}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        entries[name] = {
            "dtype": names[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + len(blob)],
        }
        at += len(blob)
        blobs.append(blob)
    text = json.dumps({"__metadata__": {"format": "pt"}, **entries} if header is None else header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
