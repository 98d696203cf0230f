"""Sentences from templates: alternatives, slots, articles, plurals, capitals.

A template has "[one|other]" for alternatives (they may be empty and may be nested) and "{slot}" for values. "{Slot}" is the
value with a capital. "a" before a slot becomes "an" where the word asks for it.
"""
import functools
import re

_VOWEL_SOUND = re.compile(r"[aeiou]", re.I)
_NOT_AN = re.compile(r"(?:uni(?!n|m)|use|usu|eu|one\b|once|ukul|uten)", re.I)
_SILENT_H = re.compile(r"(?:hour|honest|honou?r|heir)", re.I)
_ARTICLE = re.compile(r"\b([Aa])n? (?=[\"']?([A-Za-z]+))")


def article(word):
    """"a" or "an" before this word."""
    if _SILENT_H.match(word):
        return "an"
    return "an" if _VOWEL_SOUND.match(word) and not _NOT_AN.match(word) else "a"


def with_article(phrase):
    return f"{article(phrase)} {phrase}"


def fix_articles(text):
    return _ARTICLE.sub(lambda m: m[1] + article(m[2])[1:] + " ", text)


IRREGULAR_PLURALS = {
    "child": "children", "man": "men", "woman": "women", "foot": "feet", "tooth": "teeth", "goose": "geese",
    "mouse": "mice", "ox": "oxen", "sheep": "sheep", "deer": "deer", "fish": "fish", "leaf": "leaves", "loaf": "loaves",
    "knife": "knives", "wife": "wives", "wolf": "wolves", "shelf": "shelves", "calf": "calves", "half": "halves",
    "scarf": "scarves", "thief": "thieves", "potato": "potatoes", "tomato": "tomatoes", "hero": "heroes",
    "echo": "echoes", "person": "people", "elf": "elves", "mosquito": "mosquitoes", "volcano": "volcanoes",
    "salmon": "salmon", "trout": "trout", "life": "lives", "craftsman": "craftsmen", "fisherman": "fishermen",
    "postman": "postmen", "policeman": "policemen", "snowman": "snowmen", "fireman": "firemen", "mango": "mangoes",
    "dormouse": "dormice", "quiz": "quizzes", "bus": "buses", "swordfish": "swordfish", "series": "series",
    "bison": "bison", "moose": "moose", "squid": "squid", "gas": "gases", "passer-by": "passers-by",
}


def plural(noun):
    head, _, last = noun.rpartition(" ")
    if head:
        return f"{head} {plural(last)}"
    if noun in IRREGULAR_PLURALS:
        return IRREGULAR_PLURALS[noun]
    if re.search(r"(?:s|x|z|ch|sh)$", noun):
        return noun + "es"
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    return noun + "s"


def past_of_regular(verb):
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return verb + "ed"


def capital(text):
    return text[:1].upper() + text[1:]


SMALL = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
         "seventeen eighteen nineteen").split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(number):
    """The number from 0 to 999 in words."""
    if number < 20:
        return SMALL[number]
    if number < 100:
        return TENS[number // 10] + ("-" + SMALL[number % 10] if number % 10 else "")
    rest = f" and {in_words(number % 100)}" if number % 100 else ""
    return f"{SMALL[number // 100]} hundred{rest}"


def ordinal(number):
    """ "first" to "tenth"."""
    return "_ first second third fourth fifth sixth seventh eighth ninth tenth".split()[number]


def listed(words, joiner="and"):
    """ "a, b and c"."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joiner} {words[-1]}"


def _parse(text, at, closing):
    """Parts up to "]" (or the end): strings, ("slot", name) and ("any", [parts, ...])."""
    branches, parts, plain = [], [], []

    def flush():
        if plain:
            parts.append("".join(plain))
            plain.clear()
    while at < len(text):
        c = text[at]
        if c == "[":
            flush()
            inner, at = _parse(text, at + 1, True)
            parts.append(("any", inner))
        elif c == "{":
            flush()
            end = text.index("}", at)
            parts.append(("slot", text[at + 1:end]))
            at = end
        elif closing and c in "|]":
            flush()
            branches.append(parts)
            parts = []
            if c == "]":
                return branches, at
        else:
            plain.append(c)
        at += 1
    if closing:
        raise ValueError(f"no closing bracket: {text}")
    flush()
    return parts, at


@functools.lru_cache(maxsize=None)
def _compiled(template):
    return _parse(template, 0, False)[0]


def _put(parts, slots, rng, out):
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif part[0] == "any":
            _put(rng.choice(part[1]), slots, rng, out)
        else:
            out.append(_value(part[1], slots))


def _value(name, slots):
    if name in slots:
        return str(slots[name])
    lower = name[0].lower() + name[1:]
    if lower not in slots:
        raise KeyError(f"no slot {name}")
    return capital(str(slots[lower]))


def expand(template, slots, rng):
    """The template with alternatives chosen and slots filled; double spaces of empty alternatives are removed."""
    out = []
    _put(_compiled(template), slots, rng, out)
    text = "".join(out)
    if "  " in text:
        text = re.sub(r" {2,}", " ", text)
    return fix_articles(text.strip())
