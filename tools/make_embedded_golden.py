#!/usr/bin/env python3
"""Greedy answers of a checkpoint by the reference backend in float32, and how sure each token was: what
tests/cli/embedded_test.cc holds the embedded, quantised model against.

    make_embedded_golden.py FOLDER >tests/data/embedded/golden.json
"""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build/release/qnext"
FLOAT32 = ["--backend", "ref", "--activations", "f32"]
QUESTIONS = ["Tell me a story.", "What is 47 + 38?", "What is 90 - 57?", "Spell lantern.", "Sort these words: pear, lamp, dog, kite.",
             "Which number comes next: 4, 7, 10, 13?", "What is the capital of France?", "How do you say good morning in German?",
             "What is the plural of mouse?", "Who are you?", "Is 37 even or odd?", "What is the opposite of hot?"]


def output(*line, given=""):
    return subprocess.run([str(part) for part in line], input=given, capture_output=True, check=True, text=True).stdout


def rows(path):
    """The logits in a safetensors file, a tuple for each position."""
    data = path.read_bytes()
    size = struct.unpack_from("<Q", data)[0]
    entry = json.loads(data[8:8 + size])["logits"]
    count, width = entry["shape"]
    at = 8 + size + entry["data_offsets"][0]
    return [struct.unpack_from(f"<{width}f", data, at + 4 * width * i) for i in range(count)]


def main():
    folder, greedy = sys.argv[1], {}
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        for index, question in enumerate(QUESTIONS):
            (scratch / "messages").write_text(json.dumps([{"role": "user", "content": question}]), encoding="utf-8")
            text = output(PROGRAM, "template", folder, "--messages", scratch / "messages")
            prompt = json.loads(output(PROGRAM, "tokenize", folder, given=json.dumps(text) + "\n"))
            answer = json.loads(output(PROGRAM, "run", folder, "-p", question, "--temp", "0", "-n", "80", "--json", *FLOAT32))
            (scratch / "ids").write_text(json.dumps(prompt + answer["tokens"]), encoding="utf-8")
            output(PROGRAM, "logits", folder, "--tokens", scratch / "ids", "-o", scratch / "logits", *FLOAT32)
            best = [sorted(row)[-2:] for row in rows(scratch / "logits")[len(prompt) - 1:-1]]
            greedy[f"q{index}"] = {"user": question, "text": answer["text"],
                                   "top1_minus_top2": [round(first - second, 3) for second, first in best]}
    lines = [f"{json.dumps(name)}: {json.dumps(item, ensure_ascii=False)}" for name, item in greedy.items()]
    print('{"greedy": {\n' + ",\n".join(lines) + "\n}}")


if __name__ == "__main__":
    main()
