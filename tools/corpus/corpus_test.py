"""Tests of the corpus generator: python3 -m unittest discover -s tools/corpus -p corpus_test.py"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import english  # noqa: E402
import functions  # noqa: E402
import lists  # noqa: E402
import mix  # noqa: E402
import split  # noqa: E402
import words  # noqa: E402

DOCUMENTS, PRACTICE = 3000, 300


def generate(folder, seed=1, processes=2, documents=DOCUMENTS):
    subprocess.run([sys.executable, str(HERE / "generate"), "--out", folder, "--documents", str(documents), "--seed", str(seed), "--held-out", "40",
                    "--practice", str(PRACTICE), "--by-heart", str(PRACTICE), "--processes", str(processes)], check=True)
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()}


class Generated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            cls.files = generate(folder)
        cls.documents = [json.loads(line) for name in ("train.jsonl", "practice.jsonl", "by_heart.jsonl") for line in cls.files[name].splitlines()]
        cls.messages = [m for d in cls.documents for m in d.get("messages", [])]

    def test_the_same_seed_gives_the_same_files(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(generate(folder, processes=1), self.files)

    def test_another_seed_gives_other_documents(self):
        with tempfile.TemporaryDirectory() as folder:
            other = generate(folder, seed=2, documents=200)["train.jsonl"].splitlines()
        self.assertFalse(set(other) & set(self.files["train.jsonl"].splitlines()[:200]))

    def test_documents_have_the_form(self):
        self.assertEqual(len(self.documents), DOCUMENTS + 2 * PRACTICE)
        for document in self.documents:
            if "text" in document:
                self.assertTrue(document["text"].strip())
                continue
            roles = [m["role"] for m in document["messages"]]
            self.assertEqual(roles[-1], "assistant")
            self.assertIn("user", roles)
            named = {tool["function"]["name"]: tool["function"]["parameters"] for tool in document.get("tools", [])}
            for message in document["messages"]:
                for call in message.get("tool_calls", []):
                    function = call["function"]
                    self.assertEqual(list(function["arguments"]), named[function["name"]]["required"])

    def test_nothing_is_left_of_the_templates(self):
        for document in self.documents:
            for text in [document.get("text", "")] + [m["content"] for m in document.get("messages", []) if m["role"] not in ("tool",)]:
                self.assertNotRegex(text, r"[\[\]{}]|  |\b[Aa] [aeio]|\b[Aa]n [bcdfgjklmnpqrstvwxz]|[^=] [,!?]| \.(?!\.)", text)

    # Read from the text itself, whatever made it.
    def test_arithmetic_is_right_and_not_held_out(self):
        seen = 0
        for message in self.messages:
            if message["role"] != "assistant":
                continue
            for a, op, b, result in re.findall(r"(\d+) ([-+*]) (\d+) = (\d+)", message["content"]):
                a, b, seen = int(a), int(b), seen + 1
                self.assertEqual({"+": a + b, "-": a - b, "*": a * b}[op], int(result), message["content"])
                item = (a, b) if op == "-" else (min(a, b), max(a, b))
                self.assertFalse(split.is_held_out({"+": "sum", "-": "difference", "*": "product"}[op], *item), message["content"])
        self.assertGreater(seen, 500)

    def test_held_out_calls_are_never_made(self):
        kinds = {name: tool.names[0] for tool in functions.TOOLS for name in tool.names}
        seen = 0
        for message in self.messages:
            for call in message.get("tool_calls", []):
                seen += 1
                function = call["function"]
                self.assertFalse(split.is_held_out("call", kinds[function["name"]], *function["arguments"].values()), function)
        self.assertGreater(seen, 300)

    def test_held_out_words_are_never_spelt(self):
        spelt = [m["content"] for m in self.messages if re.fullmatch(r"[a-z](-[a-z])+", m["content"])]
        self.assertGreater(len(spelt), 30)
        for text in spelt:
            self.assertFalse(split.is_held_out("letters", text.replace("-", "")), text)

    def test_held_out_questions_are_not_asked(self):
        asked = {m["content"] for m in self.messages if m["role"] == "user"}
        texts = {d.get("text") for d in self.documents}
        tasks = 0
        for name, content in self.files.items():
            if not name.startswith("held_out/"):
                continue
            tasks += 1
            lines = [json.loads(line) for line in content.splitlines()]
            self.assertGreaterEqual(len(lines), 20, name)
            for line in lines:
                if "text" in line:
                    self.assertNotIn(line["text"], texts)
                else:
                    self.assertEqual(line["messages"][0]["role"], "user")
                    self.assertTrue(line["answer"])
                    self.assertNotIn(line["messages"][0]["content"], asked, name)
        self.assertEqual(tasks, len(mix.HELD_OUT))


class Items(unittest.TestCase):
    def test_no_item_is_on_both_sides(self):
        training, held = split.Side(False, []), split.Side(True, [])
        for index in range(1500):
            mix.document(7, index, training)
        for task in mix.HELD_OUT:
            for index in range(20):
                mix.held_out(task, 7, index, held)
        self.assertGreater(len(training.log), 2000)
        self.assertGreater(len(held.log), 500)
        self.assertFalse(set(training.log) & set(held.log))

    def test_about_the_share_is_held_out(self):
        share = sum(split.is_held_out("sum", a, b) for a in range(100) for b in range(100)) / 100
        self.assertAlmostEqual(share, split.SHARE, delta=1)


class English(unittest.TestCase):
    def test_articles(self):
        for word, expected in [("apple", "an"), ("hour", "an"), ("honest man", "an"), ("house", "a"), ("unicorn", "a"), ("umbrella", "an"), ("useful map", "a"),
                               ("one-eyed cat", "a"), ("uncle", "an"), ("unimportant", "an"), ("eucalyptus", "a"), ("onion", "an")]:
            self.assertEqual(english.article(word), expected, word)
        self.assertEqual(english.fix_articles("A owl saw a egg and an fox."), "An owl saw an egg and a fox.")

    def test_plurals_and_past(self):
        for one, many in [("box", "boxes"), ("berry", "berries"), ("key", "keys"), ("loaf", "loaves"), ("little goat", "little goats"), ("goose", "geese")]:
            self.assertEqual(english.plural(one), many)
        for verb, past in [("walk", "walked"), ("bake", "baked"), ("carry", "carried"), ("play", "played")]:
            self.assertEqual(english.past_of_regular(verb), past)

    def test_numbers(self):
        self.assertEqual([english.in_words(n) for n in (0, 13, 20, 47, 100, 938)],
                         ["zero", "thirteen", "twenty", "forty-seven", "one hundred", "nine hundred and thirty-eight"])

    def test_templates(self):
        import random
        rng = random.Random(1)
        made = {english.expand("{H} saw a [[red|blue] fox|owl][ today|].", {"h": "mia"}, rng) for _ in range(200)}
        self.assertEqual(made, {f"Mia saw {x}{t}." for x in ("a red fox", "a blue fox", "an owl") for t in ("", " today")})
        with self.assertRaises(KeyError):
            english.expand("{nobody}", {}, rng)

    def test_vocabulary(self):
        self.assertGreater(len(words.NOUNS), 1600)
        self.assertGreater(len(words.LETTER_WORDS), 2500)
        self.assertFalse([w for w in lists.ITEMS if "," in w or "  " in w])


if __name__ == "__main__":
    unittest.main()
