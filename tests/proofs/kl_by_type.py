#!/usr/bin/env python3
"""What quantisation costs a model: size, and mean KL divergence of each file type from the checkpoint itself.

    kl_by_type.py FOLDER IDS [--program PROGRAM] [--count COUNT]

FOLDER is a published checkpoint, IDS a JSON list of lists of token ids, of which the first COUNT (default 60) are read. The
checkpoint's own logits are those of float32 activations; files are run as they are by default (int8 activations).
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = ["bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "q4_0"]


def output(*line):
    return subprocess.run([str(part) for part in line], capture_output=True, check=True, text=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("ids", type=pathlib.Path)
    parser.add_argument("--program", default=str(ROOT / "build/release/qnext"))
    parser.add_argument("--count", type=int, default=60)
    options = parser.parse_args()
    texts = json.loads(options.ids.read_text(encoding="utf-8"))
    texts = texts[:: max(1, len(texts) // options.count)][: options.count]
    print("| type | MB | mean KL, millionths of a nat | greatest |\n| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        for i, ids in enumerate(texts):
            (scratch / f"{i}.json").write_text(json.dumps(ids), encoding="utf-8")
            output(options.program, "logits", options.folder, "--tokens", scratch / f"{i}.json", "-o",
                   scratch / f"{i}.safetensors", "--activations", "f32")
        for kind in TYPES:
            file = scratch / f"{kind}.gguf"
            output(options.program, "convert", options.folder, "-o", file, "--type", kind)
            total = positions = worst = 0
            for i, ids in enumerate(texts):
                found = json.loads(output(options.program, "logits", file, "--tokens", scratch / f"{i}.json", "--kl-against",
                                          scratch / f"{i}.safetensors", "--json"))
                total += found["mean_kl"] * len(ids)
                positions += len(ids)
                worst = max(worst, found["max_kl"])
            print(f"| {kind} | {file.stat().st_size / 1e6:.1f} | {total / positions * 1e6:.0f} | {worst * 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
