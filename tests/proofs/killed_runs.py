#!/usr/bin/env python3
"""A run of `qnext train` that is killed at random moments and started again, beside one that is left alone.

    killed_runs.py CORPUS.jsonl [--program PROGRAM] [--kills N] [--seed S] [--adapter]

The two must end with the same log, weights and optimiser state, byte for byte. With --adapter the killed run is one of
`qnext finetune` that trains a LoRA adapter of what the first run made.
"""
import argparse
import filecmp
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = """[model]
hidden_size = 64
num_hidden_layers = 4
num_experts = 16
moe_intermediate_size = 32
shared_expert_intermediate_size = 32
[tokenizer]
vocab_size = 512
"""
REST = """[data]
sources = ["{corpus}"]
[train]
steps = 40
sequence_length = 128
batch_tokens = 1024
[output]
folder = "{folder}"
checkpoint_every = 5
keep = 2
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--program", default=str(ROOT / "build/release/qnext"))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--adapter", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)

        def start(command, folder, head):
            recipe = scratch / f"{folder}.toml"
            recipe.write_text(head + REST.format(corpus=options.corpus.resolve(), folder=folder), encoding="utf-8")
            return subprocess.Popen([options.program, command, str(recipe)], stderr=subprocess.DEVNULL)

        command, head = "train", MODEL
        if options.adapter:
            assert start("train", "base", MODEL).wait() == 0
            command, head = "finetune", '[base]\npath = "base/step-000040"\n[lora]\nrank = 4\n'
        begin = time.monotonic()
        assert start(command, "whole", head).wait() == 0
        length = time.monotonic() - begin
        for kill in range(options.kills):
            running = start(command, "killed", head)
            time.sleep(chance.uniform(0, length * 0.25))
            running.kill()
            running.wait()
            at = max((p.name for p in (scratch / "killed").glob("step-??????")), default="before the first checkpoint")
            print(f"kill {kill + 1}: {at}", flush=True)
        assert start(command, "killed", head).wait() == 0
        weights = "adapter_model.safetensors" if options.adapter else "model.safetensors"
        files = ["log.jsonl", f"step-000040/{weights}", "step-000040/training_state.safetensors"]
        different = [f for f in files if not filecmp.cmp(scratch / "whole" / f, scratch / "killed" / f, shallow=False)]
    print("different: " + ", ".join(different) if different else "the same, byte for byte")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
