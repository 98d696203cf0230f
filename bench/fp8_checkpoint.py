#!/usr/bin/env python3
"""A checkpoint in block-wise FP8 from one in BF16 that `qnext synth` wrote, to measure the speed of FP8 weights.

    fp8_checkpoint.py FROM TO          both folders; needs numpy

What the published FP8 checkpoints keep in BF16 stays BF16. All blocks of a tensor get the same scale, which speed does not depend on.
"""
import json
import pathlib
import struct
import sys

import numpy as np

FILE = "model-00001-of-00001.safetensors"
KEPT = ("embed", "lm_head", "norm", "conv1d", "mlp.gate.weight", "shared_expert_gate", "in_proj_ba")
BLOCK, LARGEST = 128, 448.0
# The magnitudes of E4M3: 0 to 126; 127 is no number.
MAGNITUDES = np.array([(i & 7) / 8 * 2.0**-6 if i < 8 else (1 + (i & 7) / 8) * 2.0 ** ((i >> 3) - 7) for i in range(127)])


def bf16_to_float(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def fp8_of_every_bf16(scale):
    with np.errstate(over="ignore", invalid="ignore"):
        x = bf16_to_float(np.arange(65536)).astype(np.float64) / scale
    nearest = np.searchsorted((MAGNITUDES[1:] + MAGNITUDES[:-1]) / 2, np.nan_to_num(np.abs(x), nan=0, posinf=LARGEST))
    return (nearest | np.where(np.signbit(x), 128, 0)).astype(np.uint8)


def main():
    source, target = map(pathlib.Path, sys.argv[1:3])
    target.mkdir(exist_ok=True)
    with open(source / FILE, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
    data = np.memmap(source / FILE, mode="r", dtype=np.uint8)[8 + length:]
    out, pieces, at = {}, [], 0

    def put(name, dtype, shape, content):
        nonlocal at
        out[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(content)]}
        pieces.append(content)
        at += len(content)

    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        begin, end = tensor["data_offsets"]
        shape, raw = tensor["shape"], data[begin:end]
        if len(shape) != 2 or not name.endswith(".weight") or any(part in name for part in KEPT):
            put(name, tensor["dtype"], shape, raw.tobytes())
            continue
        bits = raw.view(np.uint16)
        scale = float(np.abs(bf16_to_float(bits)).max()) / LARGEST
        blocks = [-(-extent // BLOCK) for extent in shape]
        put(name, "F8_E4M3", shape, fp8_of_every_bf16(scale)[bits].tobytes())
        put(name + "_scale_inv", "F32", blocks, np.full(blocks, scale, np.float32).tobytes())
    text = json.dumps(out).encode()
    text += b" " * (-len(text) % 8)
    with open(target / FILE, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for piece in pieces:
            file.write(piece)
    index = {"metadata": {"total_size": at}, "weight_map": dict.fromkeys(out, FILE)}
    (target / "model.safetensors.index.json").write_text(json.dumps(index))
    config = json.loads((source / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                                     "weight_block_size": [BLOCK, BLOCK]}
    (target / "config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main()
