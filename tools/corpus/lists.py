"""Counting, sorting and games with words. Each function gives (question, answer)."""
import english
import words

ITEMS = sorted(set(words.NOUNS) - set(words.ABSTRACT))


def _some(rng, low, high, pool=ITEMS):
    return rng.sample(pool, rng.randint(low, high))


def _items(rng, side, kind, low, high, pool=ITEMS):
    """Words in some order. The item is the set of them, so that no other order of held-out words is trained on."""
    return side.draw(kind, lambda: _some(rng, low, high, pool), lambda ws: tuple(sorted(ws)))


def _ask(rng, templates, **slots):
    return english.expand(rng.choice(templates), slots, rng) if slots else rng.choice(templates)


def count_up(rng, side):
    start, step, n = side.draw("count", lambda: (rng.randint(0, 99), rng.randint(1, 10), rng.randint(3, 8)))
    numbers = ", ".join(str(start + i * step) for i in range(n))
    return _ask(rng, ["Count from {a} in steps of {s}, {n} numbers.", "Start at {a} and count in steps of {s}. Give me {n} numbers.",
                      "Give me {n} numbers, starting at {a}, in steps of {s}.", "Write {n} numbers from {a} on, each {s} more than the last."],
                a=start, s=step, n=n), numbers


def count_between(rng, side):
    a, n, down = side.draw("count between", lambda: (rng.randint(0, 95), rng.randint(3, 9), rng.random() < 0.4))
    numbers = list(range(a, a + n + 1))
    if down:
        numbers.reverse()
    templates = (["Count [down|backwards] from {a} to {b}.", "Count from {a} down to {b}."] if down else
                 ["Count from {a} to {b}.", "Count up from {a} to {b}.", "List the numbers from {a} to {b}."])
    return _ask(rng, templates, a=numbers[0], b=numbers[-1]), ", ".join(map(str, numbers))


def next_number(rng, side):
    start, step = side.draw("series", lambda: (rng.randint(0, 60), rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, -1, -2, -3, -5])))
    if start + 4 * step < 0:
        start += 40
        if not side.allows("series", start, step):
            return next_number(rng, side)
    shown = ", ".join(str(start + i * step) for i in range(4))
    return _ask(rng, ["What comes next: {l}?", "Which number comes next: {l}?", "Continue with one number: {l}", "What is the next number after {l}?"],
                l=shown), str(start + 4 * step)


def count_words(rng, side):
    ws = _items(rng, side, "count words", 2, 9)
    return _ask(rng, ["How many words are in this list: {l}?", "Count the words: {l}.", "How many words are there: {l}?", "How many things are listed here: {l}?"],
                l=", ".join(ws)), english.capital(english.in_words(len(ws))) + "."


def count_one(rng, side):
    def draw():
        pool = _some(rng, 2, 3)
        return [rng.choice(pool) for _ in range(rng.randint(4, 8))] + pool[:1]
    ws = side.draw("count one", draw, lambda w: (w[-1], *sorted(w)))
    word = ws[-1]
    rng.shuffle(ws)
    times = ws.count(word)
    return _ask(rng, ["How often does the word {w} occur here: {l}?", "How many times is {w} in this list: {l}?", "Count how often you see {w}: {l}."],
                w=word, l=", ".join(ws)), english.capital(english.in_words(times)) + (" time." if times == 1 else " times.")


def sort_words(rng, side):
    ws = _items(rng, side, "sort", 3, 7)
    return _ask(rng, ["Sort these words: {l}.", "Put these words in alphabetical order: {l}.", "Sort alphabetically: {l}.",
                      "Please sort the words {l}.", "Arrange these words from A to Z: {l}.", "Can you sort this list? {l}",
                      "Write these words in the order of the alphabet: {l}.", "Order this list alphabetically: {l}."], l=", ".join(ws)), \
        ", ".join(sorted(ws))


def sort_numbers(rng, side):
    ns = side.draw("sort numbers", lambda: rng.sample(range(100 if rng.random() < 0.7 else 1000), rng.randint(3, 7)), lambda n: tuple(sorted(n)))
    down = rng.random() < 0.35
    templates = (["Sort these numbers from largest to smallest: {l}.", "Put these numbers in falling order: {l}.", "Sort from high to low: {l}."] if down else
                 ["Sort these numbers: {l}.", "Sort these numbers from smallest to largest: {l}.", "Put these numbers in rising order: {l}.",
                  "Sort from low to high: {l}.", "Arrange the numbers {l} by size, smallest first."])
    return _ask(rng, templates, l=", ".join(map(str, ns))), ", ".join(map(str, sorted(ns, reverse=down)))


def extreme_number(rng, side):
    ns = side.draw("extreme", lambda: rng.sample(range(1000), rng.randint(3, 6)), lambda n: tuple(sorted(n)))
    large = rng.random() < 0.5
    word = rng.choice(["largest", "biggest"] if large else ["smallest"])
    return _ask(rng, ["What is the {w} of these numbers: {l}?", "Which number is the {w}: {l}?", "Find the {w} number: {l}."], w=word,
                l=", ".join(map(str, ns))), str(max(ns) if large else min(ns))


def reverse_list(rng, side):
    ws = _items(rng, side, "reverse list", 2, 6)
    return _ask(rng, ["Repeat these words in reverse order: {l}.", "Reverse this list: {l}.", "Say these words backwards, the last one first: {l}.",
                      "Turn this list around: {l}.", "Write the list {l} from back to front."], l=", ".join(ws)), ", ".join(reversed(ws))


def repeat_list(rng, side):
    ws = _items(rng, side, "repeat", 2, 7)
    return _ask(rng, ["Repeat after me: {l}", "Repeat these words: {l}", "Say exactly this: {l}", "Copy this list: {l}"], l=", ".join(ws)), ", ".join(ws)


def nth_word(rng, side):
    ws = _items(rng, side, "nth", 3, 7)
    n = rng.randint(1, len(ws))
    word = "last" if n == len(ws) and rng.random() < 0.7 else english.ordinal(n)
    return _ask(rng, ["What is the {n} word in this list: {l}?", "Which word is the {n} one: {l}?", "Give me the {n} word: {l}.",
                      "Tell me the {n} item of {l}."], n=word, l=", ".join(ws)), ws[n - 1]


def odd_one_out(rng, side):
    def draw():
        one, two = rng.sample(list(words.CATEGORIES), 2)
        return _some(rng, 3, 3, words.CATEGORIES[one]) + [rng.choice(words.CATEGORIES[two])]
    while True:
        ws = side.draw("odd one out", draw, lambda w: tuple(sorted(w)))
        homes = [[name for name, members in words.CATEGORIES.items() if w in members] for w in ws]
        if all(len(home) == 1 for home in homes):
            break
    odd = ws[-1]
    kind = homes[0][0]
    rng.shuffle(ws)
    return _ask(rng, ["Which word does not belong: {l}?", "Find the odd one out: {l}.", "Which one is different: {l}?", "Which of these does not fit: {l}?"],
                l=", ".join(ws)), f"{english.capital(odd)} does not belong, because the others are {kind}."


def category(rng, side):
    def draw():
        return rng.choice([w for w in words.CATEGORIES[rng.choice(list(words.CATEGORIES))]])
    while True:
        word = draw()
        homes = [name for name, members in words.CATEGORIES.items() if word in members]
        if len(homes) == 1 and side.allows("category", word):
            break
    names = {"animals": "an animal", "fruits": "a fruit", "vegetables": "a vegetable", "tools": "a tool", "clothes": "a piece of clothing",
             "musical instruments": "a musical instrument", "vehicles": "a vehicle", "parts of the body": "a part of the body",
             "colours": "a colour", "numbers": "a number", "days of the week": "a day of the week", "trees": "a tree", "jobs": "a job"}
    return _ask(rng, ["What kind of thing is this: {w}?", "What is this: {w}?", "Which group does this word belong to: {w}?"], w=word), \
        f"{english.capital(word)} is {names[homes[0]]}."


def member(rng, side):
    name, others = rng.sample(list(words.CATEGORIES), 2)
    pool = [w for w in words.CATEGORIES[name] if not w in words.CATEGORIES[others]]
    wrong = [w for w in words.CATEGORIES[others] if not w in words.CATEGORIES[name]]
    ws = side.draw("member", lambda: [rng.choice(pool)] + rng.sample(wrong, rng.randint(2, 3)), lambda w: tuple(sorted(w)))
    answer = ws[0]
    rng.shuffle(ws)
    single = {"animals": "an animal", "fruits": "a fruit", "vegetables": "a vegetable", "tools": "a tool", "clothes": "a piece of clothing",
              "musical instruments": "a musical instrument", "vehicles": "a vehicle", "parts of the body": "a part of the body",
              "colours": "a colour", "numbers": "a number", "days of the week": "a day of the week", "trees": "a tree", "jobs": "a job"}[name]
    return _ask(rng, ["Which of these is {k}: {l}?", "Find {k} among these words: {l}.", "One of these is {k}: {l}. Which one?"], k=single, l=", ".join(ws)), answer


def _word(rng, side, kind, pool=words.LETTER_WORDS):
    return side.draw(kind, lambda: rng.choice(pool))


def reverse_word(rng, side):
    w = _word(rng, side, "letters")
    return _ask(rng, ["Write the word {w} backwards.", "Reverse the word {w}.", "Spell {w} from back to front.", "What is {w} backwards?", "Turn the letters of {w} around."],
                w=w), w[::-1]


def spell(rng, side):
    w = _word(rng, side, "letters")
    return _ask(rng, ["Spell the word {w}.", "How do you spell {w}?", "Spell {w}.", "Write {w} letter by letter.", "Can you spell {w}?"], w=w), "-".join(w)


def unspell(rng, side):
    w = _word(rng, side, "letters")
    return _ask(rng, ["Which word is {w}?", "Put these letters together: {w}", "Read this word: {w}"], w="-".join(w)), w


def letter(rng, side):
    w = _word(rng, side, "letters")
    first = rng.random() < 0.5
    return _ask(rng, ["What is the {k} letter of {w}?", "Which letter does {w} {v} with?", "Tell me the {k} letter of the word {w}."],
                k="first" if first else "last", v="begin" if first else "end", w=w), w[0] if first else w[-1]


def count_letters(rng, side):
    w = _word(rng, side, "letters")
    return _ask(rng, ["How many letters does {w} have?", "How long is the word {w}?", "Count the letters of {w}.", "How many letters are in {w}?"], w=w), \
        f"{english.capital(w)} has {english.in_words(len(w))} letters."


def upper(rng, side):
    w = _word(rng, side, "letters")
    return _ask(rng, ["Write {w} in capital letters.", "Put {w} in capitals.", "Make {w} upper case."], w=w), w.upper()


def plural(rng, side):
    if not side.held_out and rng.random() < 0.2:
        w = rng.choice([noun for noun in words.PLURAL_NOUNS if noun in english.IRREGULAR_PLURALS])
    else:
        w = side.draw("plural", lambda: rng.choice([noun for noun in words.PLURAL_NOUNS if noun not in english.IRREGULAR_PLURALS]))
    return _ask(rng, ["What is the plural of {w}?", "Give me the plural of {w}.", "One {w}, two ...?", "How do you say more than one {w}?"], w=w), english.plural(w)


def past(rng, side):
    if not side.held_out and rng.random() < 0.4:
        w, answer = rng.choice(list(words.IRREGULAR_PAST.items()))
    else:
        regular = [v for v in words.VERBS if v not in words.IRREGULAR_PAST and v not in words.DOUBLING]
        w = side.draw("past", lambda: rng.choice(regular))
        answer = english.past_of_regular(w)
    return _ask(rng, ["What is the past tense of {w}?", "Put {w} into the past tense.", "Today I {w}, yesterday I ...?", "Give me the past of {w}."], w=w), answer


def opposite(rng):
    """Learnt by heart: none is held out."""
    w, answer = rng.choice(list(words.OPPOSITES.items()))
    if rng.random() < 0.3 and list(words.OPPOSITES.values()).count(answer) == 1 and answer not in words.OPPOSITES:
        w, answer = answer, w
    return _ask(rng, ["What is the opposite of {w}?", "Tell me the opposite of {w}.", "Opposite of {w}?", "What is the contrary of {w}?"], w=w), answer


def longest(rng, side):
    while True:
        ws = side.draw("longest", lambda: _some(rng, 3, 5), lambda w: tuple(sorted(w)))
        sizes = sorted(len(w) for w in ws)
        if sizes[-1] > sizes[-2] and sizes[0] < sizes[1]:
            break
    long = rng.random() < 0.5
    return _ask(rng, ["Which word is the {k}: {l}?", "Find the {k} word: {l}.", "What is the {k} of these words: {l}?"], k="longest" if long else "shortest",
                l=", ".join(ws)), max(ws, key=len) if long else min(ws, key=len)


def join(rng, side):
    ws = _items(rng, side, "join", 2, 4)
    name, mark = rng.choice([("a hyphen", "-"), ("a plus sign", " + "), ("the word and", " and "), ("a slash", "/")])
    return _ask(rng, ["Join these words with {m}: {l}", "Put {m} between these words: {l}"], m=name, l=", ".join(ws)), mark.join(ws)


TASKS = {"count in steps": count_up, "count between": count_between, "next number": next_number, "count words": count_words,
         "count one word": count_one, "sort words": sort_words, "sort numbers": sort_numbers, "largest or smallest": extreme_number,
         "reverse list": reverse_list, "repeat": repeat_list, "nth word": nth_word, "odd one out": odd_one_out, "category": category,
         "member of a group": member, "reverse word": reverse_word, "spell": spell, "letters to word": unspell, "first or last letter": letter,
         "count letters": count_letters, "capitals": upper, "plural": plural, "past tense": past,
         "longest word": longest, "join words": join}
