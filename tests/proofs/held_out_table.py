#!/usr/bin/env python3
"""Perplexity on held-out text by task, from the last evaluation in the logs of training runs.

    held_out_table.py NAME=LOG.jsonl ...
"""
import json
import math
import sys


def last_evaluation(path):
    with open(path, encoding="utf-8") as file:
        found = [line for line in map(json.loads, file) if "by_source" in line]
    if not found:
        sys.exit(f"{path}: no evaluation")
    return found[-1]


def main():
    if len(sys.argv) < 2 or not all("=" in argument for argument in sys.argv[1:]):
        sys.exit(__doc__)
    runs = [argument.split("=", 1) for argument in sys.argv[1:]]
    found = [last_evaluation(path) for _, path in runs]
    print("| task |", " | ".join(name for name, _ in runs), "|\n| --- |", " | ".join("---" for _ in runs), "|")
    for task in found[0]["by_source"]:
        print(f"| {task.replace('_', ' ')} |", " | ".join(f"{math.exp(run['by_source'][task]):.3f}" for run in found), "|")
    print("| **all** |", " | ".join(f"**{math.exp(run['held_out']):.3f}**" for run in found), "|")


if __name__ == "__main__":
    main()
