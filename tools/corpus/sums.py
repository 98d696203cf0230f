"""Arithmetic. Each function gives (question, answer); the form of the answer follows from the form of the question."""
import english
import people
import split
import words

FULL, SHORT = "full", "short"

ASK_SUM = ["What is {a} + {b}?", "Add {a} and {b}.", "How much is {a} plus {b}?", "What do {a} and {b} make together?", "{a} + {b} = ?",
           "Please add {a} and {b}.", "Calculate {a} + {b}.", "What is the sum of {a} and {b}?", "Can you add {a} and {b}?",
           "How much is {a} and {b}?", "Work out {a} + {b}.", "What do you get when you add {b} to {a}?", "Tell me what {a} + {b} is."]
ASK_DIFFERENCE = ["What is {a} - {b}?", "Take {b} from {a}.", "How much is {a} minus {b}?", "Subtract {b} from {a}.", "{a} - {b} = ?",
                  "Calculate {a} - {b}.", "What is left when you take {b} from {a}?", "What is the difference of {a} and {b}?",
                  "Can you subtract {b} from {a}?", "Work out {a} - {b}.", "Tell me what {a} - {b} is."]
ASK_PRODUCT = ["What is {a} * {b}?", "Multiply {a} by {b}.", "How much is {a} times {b}?", "{a} * {b} = ?", "Calculate {a} * {b}.",
               "What is the product of {a} and {b}?", "Can you multiply {a} by {b}?", "Work out {a} * {b}.", "What is {a} times {b}?"]
ASK_QUOTIENT = ["What is {a} / {b}?", "Divide {a} by {b}.", "How much is {a} divided by {b}?", "{a} / {b} = ?", "Calculate {a} / {b}.",
                "Can you divide {a} by {b}?", "How often does {b} go into {a}?"]
ONLY = ["[Just|Only] the number[, please|]: {a} {op} {b}", "Answer with the number only: {a} {op} {b}", "Give only the result of {a} {op} {b}.",
        "{a} {op} {b}. Only the number, please.", "What is {a} {op} {b}? Answer with a number and nothing else."]


def _answer(templates, a, b, op, result, rng):
    slots = {"a": a, "b": b, "op": op}
    if rng.random() < 0.25:
        return english.expand(rng.choice(ONLY), slots, rng), str(result)
    return english.expand(rng.choice(templates), slots, rng), f"{a} {op} {b} = {result}"


def _number(rng):
    """Mostly below 100, sometimes below 1000."""
    return rng.randrange(100) if rng.random() < 0.8 else rng.randrange(1000)


def sum_pair(rng, side, draw=None):
    return side.draw("sum", draw or (lambda: (_number(rng), _number(rng))), lambda p: (min(p), max(p)))


def difference_pair(rng, side, draw=None):
    def two():
        a, b = _number(rng), _number(rng)
        return (max(a, b), min(a, b))
    return side.draw("difference", draw or two)


def product_pair(rng, side, draw=None):
    return side.draw("product", draw or (lambda: (rng.randint(0, 99 if rng.random() < 0.3 else 12), rng.randint(0, 12))),
                     lambda p: (min(p), max(p)))


def sums(rng, side):
    a, b = sum_pair(rng, side)
    return _answer(ASK_SUM, a, b, "+", a + b, rng)


def differences(rng, side):
    a, b = difference_pair(rng, side)
    return _answer(ASK_DIFFERENCE, a, b, "-", a - b, rng)


def products(rng, side):
    a, b = product_pair(rng, side)
    return _answer(ASK_PRODUCT, a, b, "*", a * b, rng)


def quotients(rng, side):
    a, b = product_pair(rng, side, lambda: (rng.randint(1, 12), rng.randint(1, 12)))
    return _answer(ASK_QUOTIENT, a * b, b, "/", a, rng)


def three_numbers(rng, side):
    """The steps are written out, and each is a sum that may be used."""
    def draw():
        return tuple(rng.randint(1, 60) for _ in range(3))
    while True:
        a, b, c = draw()
        if side.allows("three", a, b, c) and _usable(a, b) and _usable(a + b, c):
            break
    ask = english.expand(rng.choice(["What is {a} + {b} + {c}?", "Add {a}, {b} and {c}.", "Calculate {a} + {b} + {c} step by step."]),
                         {"a": a, "b": b, "c": c}, rng)
    return ask, f"{a} + {b} = {a + b}, and {a + b} + {c} = {a + b + c}."


def _usable(a, b):
    return not split.is_held_out("sum", min(a, b), max(a, b))


def compare(rng, side):
    a, b = side.draw("compare", lambda: tuple(rng.sample(range(1000), 2)), lambda p: (min(p), max(p)))
    larger = rng.random() < 0.5
    ask = ["Which number is {w}, {a} or {b}?", "Which is {w}: {a} or {b}?", "{a} or {b}: which is {w}?", "Tell me which is {w}, {a} or {b}."]
    word = rng.choice(["larger", "bigger", "greater"] if larger else ["smaller", "less"])
    result = max(a, b) if larger else min(a, b)
    return english.expand(rng.choice(ask), {"a": a, "b": b, "w": word}, rng), f"{result} is {word}."


def even(rng, side):
    n = side.draw("even", lambda: rng.randrange(1000))
    ask = rng.choice([f"Is {n} even or odd?", f"Is the number {n} odd or even?", f"{n}: even or odd?"])
    return ask, f"{n} is {'odd' if n % 2 else 'even'}."


def number_words(rng, side):
    n = side.draw("number words", lambda: rng.randrange(100 if rng.random() < 0.4 else 1000))
    if rng.random() < 0.5:
        ask = rng.choice([f"Write {n} in words.", f"How do you write {n} in words?", f"Spell out the number {n}.", f"What is {n} in words?"])
        return ask, english.in_words(n)
    word = english.in_words(n)
    return rng.choice([f"Write {word} as a number.", f"Write the number {word} in digits.", f"Which number is {word}?"]), str(n)


PLUS = ["{h} has {a} {x}. {F} gives {h.him} {b} more. How many {x} does {h} have now?",
        "There are {a} {x} in a basket. {h} puts {b} more into it. How many {x} are in the basket now?",
        "{h} has {a} {x}, and {f} has {b}. How many {x} do they have together?",
        "On Monday {h} found {a} {x}, and on Tuesday {b}. How many {x} did {h.he} find in all?",
        "{h} buys {a} {x} in the morning and {b} {x} in the afternoon. How many {x} does {h.he} have in the evening?"]
MINUS = ["{h} has {a} {x}. {H.he} gives {b} of them to {f}. How many {x} does {h.he} have left?",
         "There are {a} {x} on the table. {h} takes {b} of them. How many {x} are left?",
         "{h} had {a} {x} and lost {b}. How many {x} does {h.he} still have?",
         "{h} has {a} {x}, and {f} has {b}. How many more {x} does {h} have than {f}?"]
TIMES = ["{h} has {a} bags with {b} {x} in each. How many {x} does {h.he} have?",
         "There are {a} boxes. In each box are {b} {x}. How many {x} are there in all?",
         "{h} finds {b} {x} every day. How many {x} does {h.he} find in {a} days?"]


def story_problems(rng, side):
    kind = rng.choice("+-*")
    hero = people.human(rng)
    friend = people.human(rng, (hero.name,))
    slots = {**hero.slots("h"), **friend.slots("f"), "x": english.plural(rng.choice(words.COUNTABLES))}
    if kind == "+":
        a, b = sum_pair(rng, side, lambda: (rng.randint(2, 60), rng.randint(2, 40)))
        templates, result = PLUS, a + b
    elif kind == "-":
        def draw():
            b = rng.randint(2, 40)
            return (b + rng.randint(2, 40), b)
        a, b = difference_pair(rng, side, draw)
        templates, result = MINUS, a - b
    else:
        a, b = product_pair(rng, side, lambda: (rng.randint(2, 12), rng.randint(2, 12)))
        templates, result = TIMES, a * b
    slots.update(a=a, b=b)
    return english.expand(rng.choice(templates), slots, rng), f"{a} {kind} {b} = {result}, so the answer is {result}."


TASKS = {"sums": sums, "differences": differences, "products": products, "quotients": quotients, "three numbers": three_numbers,
         "compare numbers": compare, "even or odd": even, "numbers in words": number_words, "story problems": story_problems}
