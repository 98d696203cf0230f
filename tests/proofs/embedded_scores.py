#!/usr/bin/env python3
"""Exact answers of the embedded model on questions that it was not trained on, by kind of question.

    embedded_scores.py [PROGRAM] [COUNT]    COUNT questions of each kind; default 100

The questions come from the generator of the training corpus (tools/make_small_checkpoint.py) with another seed.
"""
import collections
import json
import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import make_small_checkpoint as corpus  # noqa: E402

KINDS = {"What is .*\\+|Add": "sum", "What is .*-|Take": "difference", "Sort": "sort words", "Repeat": "reverse words",
         "How many": "count words", "Count from": "count in steps", ".*(Where|What colour|Who)": "question about a text"}
CHAT = re.compile(r"<\|im_start\|>user\n(.*?)<\|im_end\|>\n<\|im_start\|>assistant\n(.*?)<\|im_end\|>", re.S)


def questions(count):
    """(kind, question, answer), `count` of each kind."""
    source, left = random.Random(77_000_001), {kind: count for kind in KINDS.values()}
    while any(left.values()):
        match = CHAT.match(corpus.item(source))
        kind = match and next((k for pattern, k in KINDS.items() if re.match(pattern, match[1])), None)
        if kind and left[kind]:
            left[kind] -= 1
            yield kind, match[1], match[2]


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/release/qnext")
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    right = collections.Counter()
    for kind, question, answer in questions(count):
        run = subprocess.run([program, "run", "-p", question, "--temp", "0", "--json"], capture_output=True, check=True)
        right[kind] += json.loads(run.stdout)["text"] == answer
    for kind in KINDS.values():
        print(f"{kind:22} {right[kind]:4} of {count}")


if __name__ == "__main__":
    main()
