"""Stories, and questions about them."""
import re

import english
import people
import plots
import words

# Plots that also go with animals as heroes.
FOR_ANIMALS = ("lost", "making", "fear", "quarrel", "contest", "mystery", "journey", "greed", "newcomer", "garden", "small")

OPENINGS = [
    "Once upon a time there was {who}. [{H} lived {near_place}.|{H.he} lived {near_place} with {h.his} {elder}.]",
    "There was once {who} who lived {near_place}.",
    "Long ago, {near_place}, there lived {who}.",
    "In a {place_look} little [town|village] near the {place} lived {who}.",
    "This is the story of {h}, [a {good} {h.kind} from a {place_look} valley|a {h.kind} who was {good} and {good2}].",
    "{H} was a {good} and {good2} {h.kind}.",
    "Not far from here lives {who}.",
    "When {h}'s {elder} tells this story, {elder.he} always begins like this: there was once {who}.",
    "{H_the} was known in the whole village, because nobody was as {good} as {h.he} was.",
]
FRIENDS = ["{H.his} best friend was {friend_intro}.", "{H.he} had a friend named {f}, who was {good2}.",
           "{H} and {friend_intro} were good friends.", "{Friend_intro} lived next door.",
           "{H}'s friend {f} was never far away."]
THIRDS = ["And then there was {third_intro}, who was {hard}.", "There was also {third_intro}, who was a little {hard}.",
          "{Third_intro} lived nearby too and was rather {hard}."]
MORALS = ["And that is how it was.", "And so the day ended [quietly|happily|peacefully].", "That is the whole story.", "The end.",
          "If they have not moved away, they still live there today.", "And everyone agreed that it had been a good day."]
SMALL_TALK = ["The air smelled of {smell}.", "It was a {fine} day in {month}.", "Somewhere a {kind2} was calling.",
              "The sky was {sky}.", "The {place} was {place_look} that day.", "A {sky} light lay over the {place}."]

# What grows on the hero's tree or bed.
GROWING = {"greed": "apple pear plum cherry fig walnut chestnut peach apricot lemon orange".split(),
           "garden": "pumpkin melon tomato bean cucumber strawberry pepper".split()}

# What can be asked about a plot: (question, answer).
QUESTIONS = {
    "lost": [("What did {h} lose?", "{H} lost {h.his} {colour} {thing}."),
             ("What colour was {h}'s {thing}?", "It was {colour}."),
             ("Who helped {h} to look for the {thing}?", "{F} helped {h.him}."),
             ("Which animal had the {thing}?", "A {kind} had it.")],
    "rescue": [("Which animal did {h} find?", "{H} found a {young_kind}.")],
    "making": [("What did {h} make?", "{H} made {make}."), ("Who helped {h}?", "{F} helped {h.him}.")],
    "fear": [("What was {h} afraid of?", "{H} was afraid of {fear}.")],
    "quarrel": [("Who quarrelled?", "{H} and {f} quarrelled.")],
    "contest": [("What was the prize?", "The prize was {prize}."), ("Who was sure to win?", "{T} was sure to win.")],
    "mystery": [("Which animal made the noise?", "It was a {kind}.")],
    "newcomer": [("Who spoke to {h} first?", "{F} spoke to {h.him} first.")],
    "garden": [("What did {h} plant?", "{H} planted a seed.")],
    "honest": [("What was broken?", "A {colour} vase was broken."), ("Who broke the vase?", "{H} broke it.")],
    "teacher": [("What did {h} want to learn?", "{H} wanted to learn how to {skill}."),
                ("Who taught {h}?", "The old {job} taught {h.him}.")],
    "letter": [("What did {h} find?", "{H} found a {map_or_letter}."), ("Who went with {h}?", "{F} went with {h.him}.")],
}
ANY_QUESTION = [("Who is the story about?", "It is about {h}."), ("What is the name of {h}'s friend?", "{H}'s friend is {f}.")]

FEARS = [("the dark", "into the cellar"), ("deep water", "to the lake"), ("heights", "up to the tower"),
         ("thunder", "out in the rain"), ("spiders", "into the attic"), ("the old forest", "into the forest"),
         ("dogs", "past the farm"), ("the river", "across the river"), ("bridges", "over the high bridge")]
MAKES = [("a honey cake", "The cake was as flat as a plate and as black as coal"), ("a kite", "It rose as high as a chair and fell on its nose"),
         ("a boat", "It sank before {h} could count to three"), ("a wooden chair", "One leg was longer than the others, and it rocked like a ship"),
         ("a warm scarf", "The wool was so tangled that not even the cat wanted it"), ("a lantern", "The paper caught fire, and the smoke made them cough"),
         ("a birdhouse", "The door was so small that only an ant could get in"), ("a song", "It sounded like a rusty gate"),
         ("a pot of soup", "There was so much salt in it that nobody could eat it"), ("a picture", "The horse looked like a sofa with ears"),
         ("a basket", "The bottom fell out as soon as they put an apple in it"), ("a wooden flute", "It made a sound like an angry goose"),
         ("a loaf of bread", "It was so hard that they could have built a wall with it"), ("a puppet", "Its head fell off at the first bow")]
SKILLS = [("carve wood", "carpenter"), ("play the violin", "musician"), ("bake bread", "baker"), ("mend clocks", "clockmaker"),
          ("paint pictures", "painter"), ("sail a boat", "sailor"), ("keep bees", "beekeeper"), ("make pots", "potter"),
          ("read the stars", "astronomer"), ("weave cloth", "weaver"), ("blow glass", "glassblower"), ("catch fish", "fisherman"),
          ("grow roses", "gardener"), ("shoe a horse", "blacksmith"), ("sew coats", "tailor"), ("look after sheep", "shepherd"),
          ("sing", "singer"), ("steer a ship", "captain"), ("make shoes", "shoemaker"), ("cook soup", "cook")]
PRIZES = ["a golden cup", "a new sledge", "a basket of plums", "a silver whistle", "a ride in the balloon", "a cake as big as a wheel",
          "a bicycle", "a book full of maps", "a pony ride", "a bag of toffees"]
CONTESTS = ["race", "kite contest", "baking contest", "flower contest", "drawing contest", "spelling contest", "singing contest", "running race"]
YOUNG = ["young fox", "kitten", "puppy", "fawn", "young owl", "lamb", "duckling", "young hare", "little goat", "young swan", "piglet",
         "little hedgehog", "young crow", "gosling", "young otter"]


def more_slots(slots, rng):
    he = rng.random() < 0.5
    fear, fear_place = rng.choice(FEARS)
    make, fail = rng.choice(MAKES)
    number = rng.randint(3, 9)
    months = rng.sample(words.MONTHS, 2)
    others = rng.sample(words.OUTDOOR, 3)
    young = rng.choice(YOUNG)
    slots.update({
        "near_place": f"near the {slots['place']}", "by_place": f"near the {slots['place']}",
        "nobody": "nobody", "his_or_her": "his" if he else "her", "his_or_her2": "his" if he else "her",
        "a_food": english.with_article(slots["food2"]), "some_foods": f"some {slots['foods2']}", "some_foods2": slots["foods2"],
        "cold_or_warm": rng.choice(["cold", "warm", "grey", "bright", "misty"]), "young_kind": young,
        "cloth": rng.choice(["scarf", "coat", "jacket", "shawl"]), "home_or_room": rng.choice(["home", "to the barn", "to the warm kitchen"]),
        "prize": rng.choice(PRIZES), "contest": rng.choice(CONTESTS), "make": make, "fear": fear, "fear_place": fear_place,
        "fail": english.expand(fail, slots, rng), "small_relative": rng.choice(["brother", "sister", "cousin"]),
        "map_or_letter": rng.choice(["map", "letter"]), "box": rng.choice(["tin box", "wooden box", "iron box", "cigar box"]),
        "other_things": rng.choice(["seeds of every kind", "coloured marbles", "old photographs", "glass beads", "a hundred buttons"]),
        "n_years": english.in_words(rng.randint(6, 12)), "skill": "", "n_th": english.ordinal(number) + " ",
        "month": months[0], "month2": months[1], "angry": rng.choice(["angry", "with red faces", "without a word"]),
        "small_group": rng.choice(["the children in the street", "the pupils in the school", "{h.his} brothers and sisters"]),
        "at_place_list": f"the {others[0]}, the {others[1]} and the {others[2]}",
        "smell": rng.choice(["hay", "rain", "warm bread", "apples", "smoke", "salt and seaweed", "wet leaves", "pine trees", "flowers"]),
        "fine": rng.choice(["fine", "grey", "windy", "bright", "cool", "golden", "quiet", "rainy", "clear"]),
        "sky": rng.choice(["pale", "grey", "golden", "silver", "pink", "soft"]),
    })
    slots["n_th"] = slots["n_th"].strip()
    slots["small_group"] = english.expand(slots["small_group"], slots, rng)

def _kind_of_young(young):
    return {"kitten": "cat", "puppy": "dog", "fawn": "deer", "lamb": "sheep", "duckling": "duck", "piglet": "pig", "little goat": "goat",
            "gosling": "goose", "little hedgehog": "hedgehog"}.get(young, young.split()[-1])


def make(rng, side, plot=None):
    """A dictionary: text, plot, slots. The item that is held out is hero, plot, place and thing."""
    for _ in range(10000):
        plot_name = plot or rng.choice(list(plots.PLOTS))
        slots = people.world(rng, plot_name in FOR_ANIMALS and rng.random() < 0.4)
        more_slots(slots, rng)
        if plot_name == "teacher":
            slots["skill"], slots["job"] = rng.choice(SKILLS)
        if plot_name in GROWING:
            slots["food"] = rng.choice(GROWING[plot_name])
            slots["foods"] = english.plural(slots["food"])
        if plot_name == "rescue":
            slots["kind"] = _kind_of_young(slots["young_kind"])
        if side.allows("story", slots["h"], plot_name, slots["place"], slots["thing"]):
            break
    return {"plot": plot_name, "slots": slots, "text": _tell(plot_name, slots, rng)}


def _tell(plot_name, slots, rng):
    beats = plots.PLOTS[plot_name]
    uses_third = re.search(r"\{[tT][.}]|\{third", str(beats))
    sentences = [english.expand(rng.choice(OPENINGS), slots, rng)]
    if plot_name not in ("newcomer", "quarrel"):
        sentences.append(english.expand(rng.choice(FRIENDS), slots, rng))
    if uses_third and plot_name not in ("newcomer",):
        sentences.append(english.expand(rng.choice(THIRDS), slots, rng))
    paragraphs = [sentences]
    per_paragraph = rng.choice([2, 3, 3, 4, 100])
    current = []
    for number, beat in enumerate(beats):
        share, templates = beat if isinstance(beat, tuple) else (1, beat)
        if rng.random() >= share:
            continue
        current.append(english.expand(rng.choice(templates), slots, rng))
        if 0 < number < 5 and plot_name not in ("mystery", "honest", "storm") and rng.random() < 0.12:
            current.append(english.expand(rng.choice(SMALL_TALK), slots, rng))
        if len(current) >= per_paragraph:
            paragraphs.append(current)
            current = []
    if rng.random() < 0.25:
        current.append(english.expand(rng.choice(MORALS), slots, rng))
    paragraphs.append(current)
    joiner = "\n\n" if rng.random() < 0.5 else "\n"
    return joiner.join(" ".join(p) for p in paragraphs if p)


REQUESTS = [
    "Tell me a story about {h}.", "Tell me a story about {who}.", "[Write|Tell|Make up] a story about {h} and {f}.",
    "Please tell me a story about {a_kind} named {h}.", "Can you tell me a story about {h} and a {thing}?",
    "I would like to hear a story that takes place near a {place}.", "Write a short story about {h} and {f}.",
    "Tell me a [bedtime|good-night] story.", "Tell me a story.", "[Please write|Write me] a story for children.",
    "Tell me a story about {who} and {f}.", "Do you know a story about {a_kind}?", "A story about {h}, please.",
    "Make up a story with {h}, {f} and a {place} in it.", "I cannot sleep. Tell me a story about {h}.",
    "Tell me something about {h_the}.",
]


def conversation(rng, side):
    """The turns of a request for a story."""
    story = make(rng, side)
    slots = dict(story["slots"])
    slots["a_kind"] = english.with_article(slots["h.kind"])
    templates = [t for t in REQUESTS if ("{thing}" not in t or slots["thing"] in story["text"])
                 and ("{f}" not in t or slots["f"] in story["text"])]
    return [english.expand(rng.choice(templates), slots, rng), story["text"]]


def questions(rng, side):
    """A story with a question about it: (text, question, answer)."""
    story = make(rng, side)
    slots = story["slots"]
    known = QUESTIONS.get(story["plot"], [])
    if story["plot"] not in ("quarrel", "newcomer"):
        known = known + ANY_QUESTION
    question, answer = rng.choice(known)
    return story["text"], english.expand(question, slots, rng), english.expand(answer, slots, rng)
