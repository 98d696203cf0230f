#!/usr/bin/env python3
"""Adapters beside PEFT's own arithmetic, both ways: logits of `qnext logits --lora` and of PEFT in float32.

    peft_adapters.py BASE ADAPTER [--program PROGRAM]

BASE is a small published checkpoint of `qnext train` without multi-token prediction, ADAPTER a checkpoint of `qnext finetune`
with [lora] on it. Needs torch, transformers and peft.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import peft
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parents[2]
IDS = [5, 6, 7, 40, 41, 42, 9, 100, 200, 77]
TARGETS = ["q_proj", "o_proj", "in_proj_qkvz", "out_proj"]
KINDS = [{}, {"use_rslora": True}, {"alpha_pattern": {"q_proj": 40}}]


def float32_copy(base, out):
    """The same weights as float32, so that merging rounds nothing."""
    out.mkdir()
    weights = {}
    for file in sorted(base.glob("*.safetensors")):
        if file.name != "training_state.safetensors":
            weights.update(load_file(file))
    save_file({name: value.float().contiguous() for name, value in weights.items()}, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text())
    config["torch_dtype"] = "float32"
    (out / "config.json").write_text(json.dumps(config))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("adapter", type=pathlib.Path)
    parser.add_argument("--program", default=str(ROOT / "build/release/qnext"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        base, ids, out = scratch / "base", scratch / "ids.json", scratch / "logits.safetensors"
        float32_copy(options.base, base)
        ids.write_text(json.dumps(IDS))

        def ours(adapter=None):
            lora = ["--lora", str(adapter)] if adapter else []
            subprocess.run([options.program, "logits", str(base), "--tokens", str(ids), "-o", str(out), "--backend", "ref", *lora], check=True)
            return load_file(out)["logits"].double().reshape(len(IDS), -1)

        def model():
            return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager").eval()

        def theirs(network):
            with torch.no_grad():
                return network(torch.tensor([IDS])).logits[0].double()

        def report(what, got, expected, plain):
            difference, change = ((x - y).norm() / expected.norm() for x, y in ((got, expected), (expected, plain)))
            print(f"{what}: {difference:.1e} relative, where the adapter changes {change:.2f}", flush=True)

        plain = theirs(model())
        report("no adapter", ours(), plain, plain)
        report("ours in PEFT", ours(options.adapter), theirs(peft.PeftModel.from_pretrained(model(), options.adapter)), plain)
        for number, kind in enumerate(KINDS):
            config = peft.LoraConfig(r=5, lora_alpha=7, target_modules=TARGETS, task_type="CAUSAL_LM", init_lora_weights=False, **kind)
            network, folder = peft.get_peft_model(model(), config).eval(), scratch / f"adapter-{number}"
            network.save_pretrained(folder)
            report(f"PEFT's in ours {kind}", ours(folder), theirs(network), plain)


if __name__ == "__main__":
    main()
