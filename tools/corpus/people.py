"""Who and what a story is about."""
import english
import words


class Person:
    """A character with a name and pronouns; slots() gives them under a prefix."""

    def __init__(self, name, she, kind=""):
        self.name, self.she, self.kind = name, she, kind

    def slots(self, prefix):
        he, him, his = ("she", "her", "her") if self.she else ("he", "him", "his")
        child = self.kind or ("girl" if self.she else "boy")
        return {prefix: self.name, f"{prefix}.he": he, f"{prefix}.him": him, f"{prefix}.his": his,
                f"{prefix}.self": him + "self" if self.she else "himself", f"{prefix}.kind": child}


def human(rng, but=()):
    while True:
        she = rng.random() < 0.5
        name = rng.choice(words.GIRLS if she else words.BOYS)
        if name not in but:
            return Person(name, she)


def animal(rng, but=()):
    while True:
        name = rng.choice(words.ANIMAL_NAMES)
        if name not in but:
            return Person(name, rng.random() < 0.5, rng.choice(words.STORY_ANIMALS))


def world(rng, animals):
    """Slots for one story. Its cast are children, or animals with names."""
    make = animal if animals else human
    hero = make(rng)
    friend = make(rng, (hero.name,))
    third = make(rng, (hero.name, friend.name))
    elder, elder_pronoun = rng.choice(list(words.GROWNUPS.items()))
    thing, other = rng.sample(words.TREASURES, 2)
    colour, colour2 = rng.sample(words.COLOURS, 2)
    place, place2 = rng.sample(words.OUTDOOR, 2)
    room = rng.choice(words.INDOOR)
    kind, kind2 = rng.sample(words.HELPER_ANIMALS, 2)
    while kind in (hero.kind, friend.kind, third.kind):
        kind = rng.choice(words.HELPER_ANIMALS)
    number = rng.randint(2, 9)
    good, good2 = rng.sample(words.GOOD_TRAITS, 2)
    foods = rng.sample(words.COUNTABLE_FOODS, 2)
    slots = {
        "thing": thing, "other": other, "colour": colour, "colour2": colour2, "look": rng.choice(words.OBJECT_LOOKS),
        "place": place, "at_place": words.PLACES[place], "place2": place2, "at_place2": words.PLACES[place2],
        "room": room, "at_room": words.PLACES[room], "place_look": rng.choice(words.PLACE_LOOKS),
        "kind": kind, "kind2": kind2, "size": rng.choice(words.SIZES), "good": good, "good2": good2,
        "hard": rng.choice(words.HARD_TRAITS), "happy": rng.choice(words.HAPPY), "unhappy": rng.choice(words.UNHAPPY),
        "weather": rng.choice(words.WEATHER).split(":")[1], "treat": rng.choice(words.TREATS), "job": rng.choice(words.JOBS),
        "food": foods[0], "foods": english.plural(foods[0]), "food2": foods[1], "foods2": english.plural(foods[1]),
        "n": english.in_words(number), "elder": elder, "elder.he": elder_pronoun,
        "elder.his": "her" if elder_pronoun == "she" else "his", "elder.him": "her" if elder_pronoun == "she" else "him",
        "adv": rng.choice(words.ADVERBS), "day": rng.choice(words.DAYS), "month": rng.choice(words.MONTHS),
    }
    slots.update(hero.slots("h"))
    slots.update(friend.slots("f"))
    slots.update(third.slots("t"))
    slots["who"] = f"a {slots['good']} {slots['h.kind']} named {hero.name}"
    slots["h_the"] = f"{hero.name} the {hero.kind}" if animals else hero.name
    slots["friend_intro"] = f"{friend.name} the {friend.kind}" if animals else friend.name
    slots["third_intro"] = f"{third.name} the {third.kind}" if animals else third.name
    return slots
