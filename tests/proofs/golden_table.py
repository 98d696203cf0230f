#!/usr/bin/env python3
"""How far `qnext logits` is from the golden fixtures: a table of the worst row of each fixture and backend.

    golden_table.py [PROGRAM]

Every prompt is run in one piece, in pieces of 1, 7, 64 and 100 tokens, on both backends. Figures are relative L2 errors
||got - expected|| / ||expected||; the bound is 5e-4. Exit status 1 when one is above it.
"""
import array
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/data/golden"
BOUND = 5e-4


def read_safetensors(path):
    """Name to (row length, float32 values)."""
    raw = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            out[name] = (entry["shape"][-1], array.array("f", raw[8 + size + begin:8 + size + end]))
    return out


def worst_row(got, expected):
    width, values = expected
    assert got[0] == width and len(got[1]) == len(values), "shapes differ"
    worst = 0
    for at in range(0, len(values), width):
        a, b = got[1][at:at + width], values[at:at + width]
        difference = sum((x - y) ** 2 for x, y in zip(a, b))
        worst = max(worst, math.sqrt(difference / sum(y * y for y in b)))
    return worst


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/release/qnext")
    worst_of_all = 0
    print("| fixture | backend | prompts | logits | hidden | MTP logits |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as scratch:
        tokens, out = os.path.join(scratch, "tokens.json"), os.path.join(scratch, "out.safetensors")
        for folder in sorted(p.parent for p in GOLDEN.glob("*/golden.safetensors")):
            meta = json.loads((folder / "golden.json").read_text())
            if "prompts" not in meta:
                continue  # real4 has a proof of its own
            expected = read_safetensors(folder / "golden.safetensors")
            stored = (folder / "model.safetensors.index.json").exists()
            model = str(folder) if stored else f"synth:{folder}/config.json"
            for backend in ("ref", "cpu"):
                worst = {}
                for name, ids in meta["prompts"].items():
                    pathlib.Path(tokens).write_text(json.dumps(ids))
                    kinds = [k for k in ("logits", "hidden_last", "mtp_logits") if f"{name}.{k}" in expected]
                    for piece in (None, 1, 7, 64, 100):
                        command = [program, "logits", model, "--tokens", tokens, "--backend", backend, "-o", out]
                        command += ["--chunk", str(piece)] if piece else []
                        command += ["--mtp"] if "mtp_logits" in kinds else []
                        subprocess.run(command, check=True)
                        got = read_safetensors(out)
                        for kind in kinds:
                            error = worst_row(got[kind], expected[f"{name}.{kind}"])
                            worst[kind] = max(worst.get(kind, 0), error)
                worst_of_all = max(worst_of_all, *worst.values())
                cells = [f"{worst[k]:.1e}" if k in worst else "-" for k in ("logits", "hidden_last", "mtp_logits")]
                print(f"| {folder.name} | {backend} | {len(meta['prompts'])} | {' | '.join(cells)} |", flush=True)
    return 0 if worst_of_all < BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
