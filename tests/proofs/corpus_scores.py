#!/usr/bin/env python3
"""Exact answers of a model on held-out items of the corpus that tools/corpus writes, by task.

    corpus_scores.py [--program PROGRAM] [--model MODEL] [--count COUNT] [--json FILE] [--prompts FILE]

COUNT questions of each task (default 100) that tools/corpus holds out, each asked in a conversation of its own with
--temp 0; and, counted apart, of what can only be learnt by heart, of which nothing is held out. --prompts writes the
ids of all prompts, for proof_experts_and_drafts.
"""
import argparse
import concurrent.futures
import json
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/corpus"))
import facts  # noqa: E402
import lists  # noqa: E402
import mix  # noqa: E402
import phrases  # noqa: E402
import split  # noqa: E402

SEED = 77
BY_HEART = {"phrase book": lambda rng: phrases.translate_phrase(rng, split.TRAINING), "opposites": lists.opposite,
            "facts": lambda rng: facts.any_fact(rng, talking=False)}


def question(task, index):
    if task not in BY_HEART:
        return mix.held_out(task, SEED, index)
    asked, answer = BY_HEART[task](random.Random(f"{SEED}:{task}:{index}"))
    return {"messages": [{"role": "user", "content": asked}], "answer": answer}


def questions(task, count):
    """Different ones, as many as there are."""
    found = {}
    for index in range(3 * count):
        item = question(task, index)
        found.setdefault(json.dumps(item["messages"]) + item["answer"], item)
        if len(found) == count:
            break
    return list(found.values())


class Asker:
    def __init__(self, program, model):
        self.program, self.model = program, model

    def output(self, command, *arguments, given=""):
        line = [self.program, command, *([self.model] if self.model else []), *arguments]
        return subprocess.run(line, input=given, capture_output=True, check=True, text=True).stdout

    def prompt(self, item):
        with tempfile.TemporaryDirectory() as folder:
            messages, tools = pathlib.Path(folder, "messages.json"), pathlib.Path(folder, "tools.json")
            messages.write_text(json.dumps(item["messages"]), encoding="utf-8")
            if "tools" not in item:
                return self.output("template", "--messages", str(messages))
            tools.write_text(json.dumps(item["tools"]), encoding="utf-8")
            return self.output("template", "--messages", str(messages), "--tools", str(tools))

    def ask(self, item):
        """(whether the answer is right, the answer)"""
        answer = json.loads(self.output("run", "--raw", "-p", self.prompt(item), "--temp", "0", "-n", "200", "-t", "1", "--json"))
        return answer["text"].strip() == item["answer"], answer["text"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/qnext"))
    parser.add_argument("--model", default="")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--prompts", type=pathlib.Path)
    options = parser.parse_args()
    asker, scores, prompts = Asker(options.program, options.model), {}, []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for task in [*(task for task in mix.HELD_OUT if task != "story"), *BY_HEART]:
            items = questions(task, options.count)
            answers = list(pool.map(asker.ask, items))
            wrong = next(({"asked": item["messages"][-1]["content"], "expected": item["answer"], "got": got}
                          for item, (right, got) in zip(items, answers) if not right), None)
            scores[task] = {"right": sum(right for right, _ in answers), "of": len(items), "first_wrong": wrong}
            print(f"{task:24} {scores[task]['right']:4} of {len(items)}", flush=True)
            if options.prompts:
                prompts += [asker.prompt(item) for item in items[:8]]
    held_out = [score for task, score in scores.items() if task not in BY_HEART]
    print(f"{'all that is held out':24} {sum(s['right'] for s in held_out):4} of {sum(s['of'] for s in held_out)}")
    if options.json:
        options.json.write_text(json.dumps(scores, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.prompts:
        ids = asker.output("tokenize", given="".join(json.dumps(text) + "\n" for text in prompts)).splitlines()
        options.prompts.write_text("[" + ",\n".join(ids) + "]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
