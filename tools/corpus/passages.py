"""Short texts with questions about them: the answer is in the text. Each function gives (text, question, answer)."""
import english
import people
import split
import words

# A fact is a row of the text. Its item is held out as a whole: the same person never has the same thing in the same place.


def _people(rng, n):
    cast = []
    while len(cast) < n:
        cast.append(people.human(rng, [p.name for p in cast]))
    return cast


def belongings(rng, side):
    """Who has what, of which colour, where."""
    n = rng.randint(2, 5)
    things, places = rng.sample(words.TREASURES, n), rng.sample(list(words.PLACES), n)
    colours = [rng.choice(words.COLOURS) for _ in range(n)]
    cast = _people(rng, n)
    rows = list(zip(cast, things, colours, places))
    asked = None
    for i, (person, thing, colour, place) in enumerate(rows):
        held = split.is_held_out("belonging", person.name, thing, place)
        if held and (not side.held_out or asked is not None):
            return belongings(rng, side)
        if held:
            asked = i
    if side.held_out and asked is None:
        return belongings(rng, side)
    if asked is None:
        asked = rng.randrange(n)
    person, thing, colour, place = rows[asked]
    assert side.allows("belonging", person.name, thing, place)
    forms = ["{h} has a {c} {x} {p}.", "{h}'s {c} {x} is {p}.", "{h} keeps a {c} {x} {p}.", "{P}, {h} has a {c} {x}.",
             "{h} left a {c} {x} {p}.", "There is a {c} {x} {p}. It belongs to {h}.", "{h} owns a {c} {x}, and it is {p}."]
    same = rng.choice(forms) if rng.random() < 0.3 else None
    sentences = [english.expand(same or rng.choice(forms), {"h": q.name, "c": c, "x": x, "p": words.PLACES[pl]}, rng)
                 for q, x, c, pl in rows]
    if rng.random() < 0.3:
        sentences.insert(rng.randrange(len(sentences) + 1), rng.choice(["The weather is fine today.", "It is a quiet afternoon.", "Dinner is at seven.",
                                                                       "The cat is asleep.", "Tomorrow is a holiday."]))
    questions = [("Where is {h}'s {x}?", "It is {p}."), ("Where is the {x}?", "It is {p}."), ("What is {p}?", "{h}'s {x} is {p}."),
                 ("Who has the {x}?", "{h} has it."), ("Whose {x} is {p}?", "It is {h}'s."), ("What colour is the {x}?", "The {x} is {c}."),
                 ("What colour is {h}'s {x}?", "The {x} is {c}."), ("What does {h} have?", "{h} has a {c} {x}."), ("Who has something {p}?", "{h} does.")]
    if colours.count(colour) == 1:
        questions += [("Which thing is {c}?", "The {x} is {c}."), ("Who has something {c}?", "{h} does.")]
    question, answer = rng.choice(questions)
    slots = {"h": person.name, "x": thing, "c": colour, "p": words.PLACES[place]}
    return " ".join(sentences), english.expand(question, slots, rng), english.expand(answer, slots, rng)


ACTIONS = [("wash", "washed", "the windows"), ("feed", "fed", "the goats"), ("paint", "painted", "the fence"), ("bake", "baked", "a cake"),
           ("repair", "repaired", "the bicycle"), ("write", "wrote", "a letter"), ("water", "watered", "the flowers"), ("read", "read", "a book"),
           ("visit", "visited", "the museum"), ("buy", "bought", "a hat"), ("clean", "cleaned", "the kitchen"), ("pick", "picked", "apples"),
           ("play", "played", "the violin"), ("draw", "drew", "a map"), ("cook", "cooked", "soup"), ("plant", "planted", "a tree"),
           ("catch", "caught", "a fish"), ("build", "built", "a shelf"), ("sell", "sold", "the boat"), ("mend", "mended", "a coat"),
           ("carry", "carried", "the wood"), ("sweep", "swept", "the floor"), ("learn", "learned", "a poem"), ("lose", "lost", "a glove"),
           ("find", "found", "a coin"), ("break", "broke", "a plate"), ("ride", "rode", "the pony"), ("count", "counted", "the stars")]
REASONS = ["because it was raining", "because it was so cold", "because there was nothing else to do", "because somebody had asked for it",
           "because the neighbours were coming", "because it was a holiday", "because the old one was broken", "because the school was closed",
           "because the sun was shining", "because there was no more bread", "because it was a birthday", "because the bus was late"]


def actions(rng, side):
    """Who did what on which day, and why."""
    n = rng.randint(2, 4)
    cast, deeds, days = _people(rng, n), rng.sample(ACTIONS, n), rng.sample(words.DAYS, n)
    reasons = rng.sample(REASONS, n)
    held = [i for i in range(n) if split.is_held_out("action", cast[i].name, deeds[i][0], days[i])]
    if len(held) != (1 if side.held_out else 0):
        return actions(rng, side)
    i = held[0] if held else rng.randrange(n)
    assert side.allows("action", cast[i].name, deeds[i][0], days[i])
    why = [deed[0] not in ("lose", "find", "break", "catch") and rng.random() < 0.5 for deed in deeds]
    text = " ".join(english.expand(rng.choice(["On {day}, {h} {did} {what}{why}.", "{h} {did} {what} on {day}{why}."]),
                                   {"day": days[k], "h": cast[k].name, "did": deeds[k][1], "what": deeds[k][2],
                                    "why": f" {reasons[k]}" if why[k] else ""}, rng) for k in range(n))
    slots = {"h": cast[i].name, "he": cast[i].slots("h")["h.he"], "day": days[i], "do": deeds[i][0], "did": deeds[i][1], "what": deeds[i][2], "why": reasons[i]}
    questions = [("What did {h} do?", "{h} {did} {what}."), ("Who {did} {what}?", "{h} did."), ("When did {h} {do} {what}?", "On {day}."),
                 ("On which day did {h} {do} {what}?", "On {day}."), ("What did {h} do on {day}?", "{h} {did} {what}."),
                 ("What happened on {day}?", "{h} {did} {what}.")]
    if why[i]:
        questions += [("Why did {h} {do} {what}?", "{Why}.")] * 2
    question, answer = rng.choice(questions)
    return text, english.expand(question, slots, rng), english.expand(answer, slots, rng)


def giving(rng, side):
    """Things that change hands; asked is who has one in the end."""
    n = rng.randint(2, 3)
    while True:
        cast = _people(rng, n)
        thing, colour = rng.choice(words.TREASURES), rng.choice(words.COLOURS)
        if side.allows("giving", cast[0].name, thing, cast[-1].name):
            break
    parts = [f"{cast[0].name} had {english.with_article(colour + ' ' + thing)}."]
    for giver, taker in zip(cast, cast[1:]):
        parts.append(english.expand(rng.choice(["{a} gave the {x} to {b}.", "{a} gave {b} the {x}.", "Then {a} sold it to {b}.", "{b} got it from {a}."]),
                                    {"a": giver.name, "b": taker.name, "x": thing}, rng))
    questions = [(f"Who has the {thing} now?", f"{cast[-1].name} has it."), (f"Who had the {thing} first?", f"{cast[0].name} had it first."),
                 (f"Who gave the {thing} away first?", f"{cast[0].name} did."), (f"What colour is the {thing}?", f"The {thing} is {colour}.")]
    question, answer = rng.choice(questions)
    return " ".join(parts), question, answer


def numbers(rng, side):
    """How many of what somebody has."""
    n = rng.randint(2, 4)
    while True:
        cast = _people(rng, n)
        things = [english.plural(x) for x in rng.sample(words.COUNTABLES, n)]
        counts = rng.sample(range(2, 60), n)
        i = rng.randrange(n)
        held = [k for k in range(n) if split.is_held_out("number of", cast[k].name, things[k], counts[k])]
        if held == ([i] if side.held_out else []):
            break
    assert side.allows("number of", cast[i].name, things[i], counts[i])
    text = " ".join(english.expand(rng.choice(["{h} has {n} {x}.", "{h} bought {n} {x}.", "{h} collected {n} {x}.", "There are {n} {x} in {h}'s bag."]),
                                   {"h": cast[k].name, "n": counts[k], "x": things[k]}, rng) for k in range(n))
    slots = {"h": cast[i].name, "n": counts[i], "x": things[i]}
    question, answer = rng.choice([("How many {x} does {h} have?", "{h} has {n} {x}."), ("Who has {x}?", "{h} has {n} {x}."),
                                   ("What does {h} have?", "{h} has {n} {x}."), ("How many {x} are there?", "There are {n} {x}.")])
    return text, english.expand(question, slots, rng), english.expand(answer, slots, rng)


def portrait(rng, side):
    """A person: age, job, town, animal, favourite food."""
    while True:
        p = people.human(rng)
        job, animal, food = rng.choice(words.JOBS), rng.choice(words.ANIMALS), rng.choice(words.TREATS)
        age, colour = rng.randint(20, 80), rng.choice(words.PLAIN_COLOURS)
        if side.allows("portrait", p.name, job, animal):
            break
    surname = rng.choice(words.SURNAMES)
    slots = {**p.slots("h"), "job": job, "animal": animal, "food": food, "age": age, "colour": colour, "s": surname, "place": rng.choice(words.OUTDOOR)}
    rest = ["{H.he} is {age} years old.", "{H.he} lives near the {place}.", "{H.he} has a {animal}.", "{H.his} favourite food is {food}.",
            "The door of {h.his} house is {colour}."]
    rng.shuffle(rest)
    first = rng.choice(["{h} {s} is a {job}.", "This is {h} {s}, a {job}.", "{h} {s} works as a {job}."])
    text = " ".join(english.expand(t, slots, rng) for t in [first] + rest)
    question, answer = rng.choice([
        ("How old is {h}?", "{H.he} is {age} years old."), ("What is {h}'s job?", "{H.he} is a {job}."), ("Which animal does {h} have?", "{H.he} has a {animal}."),
        ("Where does {h} live?", "{H.he} lives near the {place}."), ("What does {h} like to eat?", "{H.he} likes {food}."),
        ("What colour is {h}'s door?", "It is {colour}."), ("What is {h}'s surname?", "{H.his} surname is {s}."), ("Who is the {job}?", "{h} {s} is the {job}.")])
    return text, english.expand(question, slots, rng), english.expand(answer, slots, rng)


def yes_or_no(rng, side):
    """Is it as the question says?"""
    text, question, answer = belongings(rng, side)
    while not (question.startswith("Where is") and "'s " in question):
        text, question, answer = belongings(rng, side)
    owner, thing = question[len("Where is "):-1].split("'s ", 1)
    place = answer[len("It is "):-1]
    if rng.random() < 0.5:
        return text, f"Is {owner}'s {thing} {place}?", "Yes, it is."
    wrong = rng.choice([p for p in words.PLACES.values() if p != place])
    return text, f"Is {owner}'s {thing} {wrong}?", f"No, it is {place}."


def not_said(rng, side):
    """What the text does not say."""
    text, _, _ = rng.choice([belongings, actions, giving])(rng, side)
    name = people.human(rng).name
    while name in text:
        name = people.human(rng).name
    question = rng.choice([f"Where is {name}'s {rng.choice(words.TREASURES)}?", f"What did {name} do?", f"How old is {name}?", f"What does {name} have?"])
    return text, question, f"The text says nothing about {name}."


FRAMES = ["{text} {q}", "{text}\n\n{q}", "Read this text: {text} {q}", "{text}\nQuestion: {q}", "Here is a text. {text}\n\n{q}", "{q}\n\n{text}",
          "Answer the question about the text.\n\n{text}\n\n{q}", "\"{text}\" {q}"]


def framed(make):
    def task(rng, side):
        text, question, answer = make(rng, side)
        return rng.choice(FRAMES).replace("{text}", text).replace("{q}", question), answer
    task.parts = make
    return task


PASSAGES = {"who has what": belongings, "who did what": actions, "who gave what": giving, "how many": numbers, "portrait": portrait,
            "yes or no": yes_or_no, "not in the text": not_said}
TASKS = {name: framed(make) for name, make in PASSAGES.items()}
