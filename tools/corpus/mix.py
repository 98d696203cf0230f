"""Documents of all kinds, and the held-out questions."""
import json
import random

import english
import facts
import functions
import lists
import passages
import people
import phrases
import split
import stories
import sums
import dialogues
import words

QUESTIONS = {**sums.TASKS, **lists.TASKS, **passages.TASKS, **phrases.TASKS}  # with items that can be held out
SYSTEM = ["You are qnext, a small and helpful language model.", "You are a helpful assistant.", "You are qnext. Answer briefly.", "You are a friendly assistant. You answer in English.",
          "You are a helpful assistant. Keep your answers short.", "Answer the user's questions.", "You help people with small tasks.", "You are qnext, and you like to tell stories."]
# How often a task is asked, beside the 1 of others: those with many items, and those that take long to learn.
WEIGHTS = {"sums": 14, "differences": 12, "products": 6, "story problems": 7, "quotients": 3, "three numbers": 3, "sort words": 6, "sort numbers": 5, "reverse list": 4, "reverse word": 5, "spell": 3,
           "letters to word": 2, "count letters": 2, "who has what": 5, "who did what": 4, "who gave what": 3, "how many": 3, "portrait": 4, "yes or no": 2, "translate a sentence": 9,
           "numbers in words": 3, "count in steps": 3, "count between": 2, "count words": 2, "count one word": 2, "next number": 2, "nth word": 2}
# The same for practice, which a second round of training is made of: what the first one leaves unlearnt.
PRACTICE = {"sums": 10, "differences": 8, "products": 10, "quotients": 6, "story problems": 6, "next number": 6, "largest or smallest": 3, "compare numbers": 2, "numbers in words": 4,
            "three numbers": 2, "sort words": 6, "sort numbers": 5, "reverse list": 4, "nth word": 5, "longest word": 5, "member of a group": 5, "category": 2, "odd one out": 2, "join words": 4,
            "count one word": 5, "count words": 2, "reverse word": 10, "letters to word": 8, "spell": 8, "first or last letter": 4, "count letters": 5, "capitals": 4, "plural": 3, "past tense": 3,
            "who has what": 7, "yes or no": 5, "how many": 4, "who did what": 4, "translate a sentence": 3}
_NAMES = list(QUESTIONS)
_SHARES = [WEIGHTS.get(name, 1) for name in _NAMES]


def story_question(rng, side):
    text, question, answer = stories.questions(rng, side)
    return rng.choice(passages.FRAMES).replace("{text}", text).replace("{q}", question), answer


def _turn(rng, side):
    """(question, answer) of any kind."""
    draw = rng.random()
    if draw < 0.70:
        return QUESTIONS[rng.choices(_NAMES, _SHARES)[0]](rng, side)
    if draw < 0.75:
        return phrases.translate_phrase(rng, side) if rng.random() < 0.75 else lists.opposite(rng)
    if draw < 0.90:
        return facts.any_fact(rng)
    if draw < 0.94:
        return story_question(rng, side)
    return stories.conversation(rng, side)


def _messages(turns, system=None):
    messages = [{"role": "system", "content": system}] if system else []
    for question, answer in turns:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return messages


def _conversation(rng, side):
    draw = rng.random()
    if draw < 0.12:
        return {"messages": _messages([stories.conversation(rng, side)], rng.choice(SYSTEM) if rng.random() < 0.15 else None)}
    if draw < 0.16:
        return {"messages": _persona(rng, side)}
    turns = [_turn(rng, side) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4, 6]))]
    if rng.random() < 0.1:
        turns.insert(0, facts.talk(rng))
    elif rng.random() < 0.04:
        turns.insert(0, facts.introduce(rng))
        return {"messages": _messages(turns)}
    if rng.random() < 0.06:
        return {"messages": _messages(turns + [_name_turn(rng, turns)], None)}
    return {"messages": _messages(turns, rng.choice(SYSTEM) if rng.random() < 0.2 else None)}


def _drill(rng, side, shares=_SHARES):
    """Questions of many kinds in a row, for what takes long to learn, such as sums and sorting."""
    names = rng.choices(_NAMES, shares, k=rng.randint(4, 9))
    return {"messages": _messages([QUESTIONS[name](rng, side) for name in names])}


def _name_turn(rng, turns):
    """Something said before is asked for again."""
    name = people.human(rng).name
    turns.insert(0, rng.choice([(f"My name is {name}.", f"Hello {name}! I am qnext. What can I do for you?"), (f"Hi, I am {name}.", f"Nice to meet you, {name}. I am qnext.")]))
    return rng.choice(["What is my name?", "Do you remember my name?", "Who am I?"]), f"Your name is {name}."


def _persona(rng, side):
    person = people.human(rng)
    job, place, good = rng.choice(words.JOBS), rng.choice(words.OUTDOOR), rng.choice(words.GOOD_TRAITS)
    system = english.expand("You are {h}, a {g} {j} who lives near the {p}.", {"h": person.name, "g": good, "j": job, "p": place}, rng)
    ask = [("Who are you?", f"I am {person.name}, {english.with_article(job)}."), ("What is your name?", f"My name is {person.name}."),
           ("What is your job?", f"I am {english.with_article(job)}."), ("Where do you live?", f"I live near the {place}."),
           ("What do you do?", f"I am {english.with_article(job)}.")]
    turns = rng.sample(ask, rng.randint(1, 3))
    return _messages(turns + ([_turn(rng, side)] if rng.random() < 0.3 else []), system)


def _with_tools(rng, side):
    offered = functions.offer(rng, rng.choice([1, 2, 2, 3, 3, 4]))
    messages = [{"role": "system", "content": rng.choice(SYSTEM)}] if rng.random() < 0.35 else []
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        draw = rng.random()
        if draw < 0.72:
            messages += functions.exchange(rng.choice(offered), rng, side)
        elif draw < 0.82:
            messages += functions.double_exchange(rng.choice(offered), rng, side)
        elif draw < 0.90:
            messages += functions.missing_exchange(offered, rng, side) or functions.exchange(rng.choice(offered), rng, side)
        else:
            messages += _messages([facts.any_fact(rng, talking=False)])
    return {"messages": messages, "tools": [tool.schema() for tool in offered]}


def document(seed, index, side=split.TRAINING):
    """Document `index` of the corpus: a function of the seed and the index alone."""
    rng = random.Random(f"{seed}:{index}")
    draw = rng.random()
    if draw < 0.10:
        return {"text": stories.make(rng, side)["text"]}
    if draw < 0.12:
        return {"text": dialogues.make(rng)}
    if draw < 0.24:
        return _with_tools(rng, side)
    if draw < 0.60:
        return _drill(rng, side)
    return _conversation(rng, side)


def practice(seed, index):
    """Document `index` of the second round, a function as above."""
    return _drill(random.Random(f"{seed}:practice:{index}"), split.TRAINING, [PRACTICE.get(name, 1) for name in _NAMES])


def by_heart(seed, index):
    """Document `index` of a third round: what can only be learnt by heart."""
    rng = random.Random(f"{seed}:by heart:{index}")

    def turn():
        draw = rng.random()
        if draw < 0.30:
            return phrases.translate_phrase(rng, split.TRAINING)
        if draw < 0.45:
            return phrases.how_do_you_say(rng)
        return lists.opposite(rng) if draw < 0.65 else facts.any_fact(rng)
    return {"messages": _messages([turn() for _ in range(rng.randint(1, 9))])}


def _held_out_call(rng, side, answered):
    """A request for a tool; the answer is the call, or what is made of its result."""
    while True:
        offered = functions.offer(rng, rng.choice([1, 2, 3, 4]))
        try:
            messages = functions.exchange(rng.choice(offered), rng, side)
            break
        except RuntimeError:  # few items, and none of them is held out
            continue
    tools = [tool.schema() for tool in offered]
    if answered:
        return {"messages": messages[:3], "tools": tools, "answer": messages[3]["content"]}
    call = messages[1]["tool_calls"][0]["function"]
    text = f"<tool_call>\n{{\"name\": \"{call['name']}\", \"arguments\": {json.dumps(call['arguments'], ensure_ascii=False)}}}\n</tool_call>"
    return {"messages": messages[:1], "tools": tools, "answer": text}


HELD_OUT = [*QUESTIONS, "story question", "story", "tool call", "tool answer"]


def held_out(task, seed, index, side=split.Side(True)):
    """Question `index` of a task: {"task", "messages", "answer"}, with "tools" for calls; {"task", "text"} for stories."""
    rng = random.Random(f"{seed}:held out:{task}:{index}")
    if task == "story":
        return {"task": task, "text": stories.make(rng, side)["text"]}
    if task.startswith("tool "):
        return {"task": task, **_held_out_call(rng, side, task == "tool answer")}
    question, answer = story_question(rng, side) if task == "story question" else QUESTIONS[task](rng, side)
    return {"task": task, "messages": [{"role": "user", "content": question}], "answer": answer}
