"""Conversations with tool calls, in the form of the OpenAI API, which chat templates render."""
import english
import people
import split
import sums
import words

CITIES = """Berlin Paris Rome Madrid Lisbon London Dublin Vienna Prague Warsaw Athens Oslo Helsinki Stockholm Copenhagen Brussels
Amsterdam Zurich Geneva Milan Venice Naples Hamburg Munich Cologne Lyon Nice Porto Seville Valencia Cairo Nairobi Lagos Tunis Delhi
Mumbai Tokyo Osaka Kyoto Seoul Beijing Shanghai Bangkok Hanoi Jakarta Sydney Melbourne Auckland Toronto Montreal Vancouver Boston
Chicago Denver Seattle Lima Bogota Quito Santiago Havana Istanbul Ankara Tehran Baghdad Riga Tallinn Vilnius Kyiv Budapest Bucharest
Sofia Belgrade Zagreb Reykjavik Edinburgh Bristol Leeds York""".split()
SKIES = ["sunny", "cloudy", "rainy", "foggy", "windy", "snowy", "stormy", "clear"]
LIGHTS = ["kitchen", "bedroom", "living room", "hall", "bathroom", "cellar", "garage", "garden", "office", "attic"]
TASKS_TODO = ["feed the cat", "water the plants", "call the dentist", "buy bread", "pay the bill", "post the letter", "clean the oven", "book the tickets",
              "return the books", "fix the bicycle", "wash the car", "pick up the cake", "write to grandmother", "charge the lamp"]
EVENTS = ["Dentist", "Piano lesson", "Lunch with {f}", "Football training", "Meeting with {f}", "Birthday party", "Concert", "Choir practice", "Haircut",
          "Parents' evening", "Train to {city}", "Dinner with {f}", "Swimming lesson", "Book club", "Yoga", "Visit from {f}"]
SONGS = ["Morning Light", "River Song", "The Old Mill", "Paper Boats", "Winter Road", "Blue Lantern", "Seven Bells", "Harbour Waltz", "Stone and Feather",
         "Little Kite", "Home by Four", "Silver Rain", "The Clockmaker", "Green Hills", "Under the Oak"]
MESSAGES = ["I will be late.", "The train is on time.", "See you at six.", "Dinner is ready.", "Happy birthday!", "Please call me.", "I am at the station.",
            "Do not forget the key.", "We are out of milk.", "The meeting is off.", "I found your hat.", "Good luck today!"]
UNITS = [("kilometres", "miles", 0.621), ("miles", "kilometres", 1.609), ("kilograms", "pounds", 2.205), ("pounds", "kilograms", 0.454),
         ("metres", "feet", 3.281), ("feet", "metres", 0.305), ("litres", "gallons", 0.264), ("centimetres", "inches", 0.394)]
TOPICS = {"volcano": "A volcano is a mountain that can throw out melted rock.", "glacier": "A glacier is a slow river of ice.", "beaver": "A beaver is an animal that builds dams.",
          "compass": "A compass is a tool that shows where north is.", "comet": "A comet is a ball of ice and dust with a tail.", "lighthouse": "A lighthouse is a tower with a light for ships.",
          "owl": "An owl is a bird that hunts at night.", "violin": "A violin is an instrument with four strings.", "desert": "A desert is a place where it hardly ever rains.",
          "microscope": "A microscope makes tiny things look large.", "eclipse": "In an eclipse the moon hides the sun.", "coral": "Coral is made by tiny sea animals.",
          "honey": "Honey is made by bees from nectar.", "paper": "Paper is made from wood.", "tide": "The tide is the rise and fall of the sea.", "fossil": "A fossil is what is left of a plant or animal in stone.",
          "whale": "A whale is a large animal of the sea that breathes air.", "magnet": "A magnet pulls iron towards itself.", "silk": "Silk is a thread that silkworms make.", "bamboo": "Bamboo is a grass that grows very fast."}


class Tool:
    """`names` are what the function may be called, `fields` its parameters: (names of it, type, description). `draw(rng)` gives the
    values in that order and slots for the texts; `ask` are requests, `result(slots, rng)` is what the tool answers, `say` what is made of it.
    """

    def __init__(self, names, about, fields, draw, ask, result, say, enums=()):
        self.names, self.about, self.fields, self.draw = names, about, fields, draw
        self.ask, self.result, self.say, self.enums = ask, result, say, dict(enums)


def _person(rng):
    return people.human(rng).name


def _time(rng):
    return f"{rng.randint(6, 22):02d}:{rng.choice(['00', '15', '30', '45'])}"


def _event(rng):
    slots = {"f": _person(rng), "city": rng.choice(CITIES)}
    title = english.expand(rng.choice(EVENTS), slots, rng)
    return [title, rng.choice(words.DAYS), _time(rng)]


def _weather(rng):
    sky = rng.choice(SKIES)
    return {"sky": sky, "temperature": rng.randint(-12, 2) if sky == "snowy" else rng.randint(2, 35)}


def _two_cities(rng):
    return rng.sample(CITIES, 2)


def _expression(rng):
    """The numbers are items of arithmetic, too."""
    op = rng.choice("+-*")
    side = split.TRAINING
    if op == "+":
        a, b = sums.sum_pair(rng, side, lambda: (rng.randint(10, 9999), rng.randint(10, 9999)))
    elif op == "-":
        a, b = sums.difference_pair(rng, side, lambda: tuple(sorted((rng.randint(10, 9999), rng.randint(10, 9999)), reverse=True)))
    else:
        a, b = sums.product_pair(rng, side, lambda: (rng.randint(11, 999), rng.randint(3, 99)))
    return [f"{a} {op} {b}"]


def _convert(rng):
    source, target, _ = rng.choice(UNITS)
    return [rng.randint(2, 200), source, target]


def _converted(values):
    factor = next(f for s, t, f in UNITS if (s, t) == (values[1], values[2]))
    return round(values[0] * factor, 1)


TOOLS = [
    Tool(["get_weather", "weather", "current_weather"], "Get the weather of a city", [(["city", "location", "place"], "string", "The city")],
         lambda r: [r.choice(CITIES)],
         ["What is the weather like in {0}?", "How is the weather in {0}[ today|]?", "Is it warm in {0}?", "Do I need an umbrella in {0}?", "Tell me the weather in {0}.",
          "I am going to {0}. How is the weather there?", "Weather in {0}, please."],
         lambda v, r: _weather(r), ["In {0} it is {sky}, with {temperature} degrees."]),
    Tool(["calculator", "calculate", "evaluate"], "Work out an arithmetic expression", [(["expression", "formula"], "string", "For example 3 * 4")],
         _expression,
         ["Use the calculator: {0}", "What is {0}? Please use the tool.", "Calculate {0} for me.", "Work out {0}.", "How much is {0}?", "I need the result of {0}."],
         lambda v, r: {"result": _evaluated(v[0])}, ["{0} = {result}"]),
    Tool(["add_event", "create_event", "calendar_add"], "Put an event into the calendar",
         [(["title", "name"], "string", "What it is"), (["day"], "string", "Day of the week"), (["time", "start"], "string", "HH:MM")], _event,
         ["Put \"{0}\" into my calendar for {1} at {2}.", "Add an event: {0}, {1}, {2}.", "Please note: {0} on {1} at {2}.", "Can you write {0} on {1} at {2} into the calendar?",
          "I have {0} on {1} at {2}. Put it into the calendar."],
         lambda v, r: {"status": "added"}, ["I have put {0} into your calendar for {1} at {2}."]),
    Tool(["get_time", "current_time", "clock"], "Get the time in a city", [(["city", "place"], "string", "The city")], lambda r: [r.choice(CITIES)],
         ["What time is it in {0}?", "How late is it in {0}[ now|]?", "Tell me the time in {0}.", "I want to call somebody in {0}. What time is it there?"],
         lambda v, r: {"time": _time(r)}, ["It is {time} in {0}."]),
    Tool(["set_timer", "timer", "start_timer"], "Start a timer", [(["minutes"], "integer", "How many minutes")], lambda r: [r.randint(1, 180)],
         ["Set a timer for {0} minutes.", "Wake me in {0} minutes.", "Start a timer: {0} minutes.", "Tell me when {0} minutes are over.", "The eggs need {0} minutes. Set a timer, please."],
         lambda v, r: {"status": "running"}, ["The timer is running: {0} minutes."]),
    Tool(["set_alarm", "alarm"], "Set an alarm", [(["time"], "string", "HH:MM")], lambda r: [_time(r)],
         ["Wake me at {0}.", "Set an alarm for {0}.", "I have to get up at {0}. Can you set an alarm?", "Alarm at {0}, please."],
         lambda v, r: {"status": "set"}, ["The alarm is set for {0}."]),
    Tool(["send_message", "message", "send_text"], "Send a message to somebody", [(["to", "recipient"], "string", "Name"), (["text", "message"], "string", "What to write")],
         lambda r: [_person(r), r.choice(MESSAGES)],
         ["Send a message to {0}: {1}", "Write to {0}: {1}", "Tell {0}: \"{1}\"", "Text {0} this: {1}", "Please let {0} know: {1}"],
         lambda v, r: {"status": "sent"}, ["I have sent your message to {0}."]),
    Tool(["convert_units", "convert", "unit_converter"], "Convert a length, weight or volume",
         [(["value", "amount"], "number", "The number"), (["from", "from_unit"], "string", "Unit"), (["to", "to_unit"], "string", "Unit wanted")], _convert,
         ["How many {2} are {0} {1}?", "Convert {0} {1} into {2}.", "What is {0} {1} in {2}?", "{0} {1} in {2}, please."],
         lambda v, r: {"result": _converted(v)}, ["{0} {1} are {result} {2}."]),
    Tool(["play_music", "play_song", "music_player"], "Play a song", [(["title", "song"], "string", "Title of the song")], lambda r: [r.choice(SONGS)],
         ["Play \"{0}\".", "I would like to hear {0}.", "Put on the song {0}, please.", "Can you play {0}?"], lambda v, r: {"status": "playing"}, ["Now playing: {0}."]),
    Tool(["set_light", "switch_light", "light"], "Switch a light on or off", [(["room"], "string", "The room"), (["state"], "string", "on or off")],
         lambda r: [r.choice(LIGHTS), r.choice(["on", "off"])],
         ["Switch {1} the light in the {0}.", "Turn {1} the {0} light.", "{0} light {1}, please.", "Please turn the light in the {0} {1}."],
         lambda v, r: {"status": "done"}, ["The light in the {0} is {1}."], [(1, ["on", "off"])]),
    Tool(["add_to_list", "shopping_list_add", "add_item"], "Add something to the shopping list", [(["item"], "string", "What to buy"), (["quantity", "count"], "integer", "How many")],
         lambda r: [english.plural(r.choice(words.COUNTABLE_FOODS)), r.randint(2, 24)],
         ["Put {1} {0} on the shopping list.", "We need {1} {0}. Add them to the list.", "Add {1} {0} to my shopping list.", "Please write {1} {0} on the list."],
         lambda v, r: {"status": "added"}, ["{1} {0} are on the shopping list now."]),
    Tool(["add_task", "todo_add", "remind_me"], "Remember something to do", [(["task", "text"], "string", "What to do"), (["day"], "string", "Day of the week")],
         lambda r: [r.choice(TASKS_TODO), r.choice(words.DAYS)],
         ["Remind me to {0} on {1}.", "I have to {0} on {1}. Remind me.", "On {1} I must not forget to {0}.", "Add a task for {1}: {0}"],
         lambda v, r: {"status": "saved"}, ["I will remind you to {0} on {1}."]),
    Tool(["get_distance", "distance"], "Get the distance of two cities by road", [(["from", "start"], "string", "City"), (["to", "end"], "string", "City")], _two_cities,
         ["How far is it from {0} to {1}?", "What is the distance from {0} to {1}?", "I am driving from {0} to {1}. How far is that?"],
         lambda v, r: {"kilometres": r.randint(40, 4000)}, ["From {0} to {1} it is {kilometres} kilometres."]),
    Tool(["lookup", "search", "encyclopedia"], "Look something up", [(["query", "word", "topic"], "string", "What to look up")], lambda r: [r.choice(list(TOPICS))],
         ["Look up the word {0}.", "Search for {0}.", "What does the encyclopedia say about {0}?", "Please look up {0} for me."],
         lambda v, r: {"text": TOPICS[v[0]]}, ["{text}"]),
    Tool(["find_contact", "phone_book", "get_number"], "Find somebody's telephone number", [(["name", "person"], "string", "Whose number")],
         lambda r: [f"{_person(r)} {r.choice(words.SURNAMES)}"],
         ["What is {0}'s number?", "Find the telephone number of {0}.", "I need to call {0}. What is the number?", "Look up {0} in the phone book."],
         lambda v, r: {"number": f"{r.randint(200, 999)} {r.randint(1000, 9999)}"}, ["The number of {0} is {number}."]),
    Tool(["open_file", "read_note", "get_note"], "Read one of the user's notes", [(["name", "title"], "string", "Name of the note")],
         lambda r: [f"{r.choice(words.COLOURS)} {r.choice(words.TREASURES)}"],
         ["Read me the note called \"{0}\".", "What does my note \"{0}\" say?", "Open the note \"{0}\"."],
         lambda v, r: {"text": english.expand(r.choice(["Buy {n} {x}.", "Call {h} on {d}.", "The key is {p}.", "Ask {h} about the {x}."]),
                                              {"n": r.randint(2, 12), "x": english.plural(r.choice(words.TREASURES)), "h": _person(r), "d": r.choice(words.DAYS),
                                               "p": r.choice(list(words.PLACES.values()))}, r)}, ["The note says: {text}"]),
]


def _evaluated(expression):
    a, op, b = expression.split()
    return int(a) + int(b) if op == "+" else int(a) - int(b) if op == "-" else int(a) * int(b)


class Offered:
    """A tool as one conversation has it: with names chosen."""

    def __init__(self, tool, rng):
        self.tool = tool
        self.name = rng.choice(tool.names)
        self.fields = [rng.choice(names) for names, _, _ in tool.fields]

    def schema(self):
        properties = {}
        for i, (field, (_, kind, about)) in enumerate(zip(self.fields, self.tool.fields)):
            properties[field] = {"type": kind, "description": about}
            if i in self.tool.enums:
                properties[field]["enum"] = self.tool.enums[i]
        return {"type": "function", "function": {"name": self.name, "description": self.tool.about,
                                                 "parameters": {"type": "object", "properties": properties, "required": self.fields}}}

    def call(self, values):
        return {"type": "function", "function": {"name": self.name, "arguments": dict(zip(self.fields, values))}}


def offer(rng, count):
    """Some tools in one order; no two of one name."""
    while True:
        offered = [Offered(tool, rng) for tool in rng.sample(TOOLS, count)]
        if len({tool.name for tool in offered}) == count:
            return offered


def values_for(offered, rng, side):
    tool = offered.tool
    return side.draw("call", lambda: tool.draw(rng), lambda v: (tool.names[0], *v))


def _text(template, values, rng, more=()):
    return english.expand(template.replace("{0}", "{v0}").replace("{1}", "{v1}").replace("{2}", "{v2}"),
                          {**{f"v{i}": v for i, v in enumerate(values)}, **dict(more)}, rng)


def exchange(offered, rng, side):
    """Messages of one request: user, call, result, answer."""
    import json
    values = values_for(offered, rng, side)
    result = offered.tool.result(values, rng)
    return [{"role": "user", "content": english.capital(_text(rng.choice(offered.tool.ask), values, rng))},
            {"role": "assistant", "content": "", "tool_calls": [offered.call(values)]},
            {"role": "tool", "content": json.dumps(result, ensure_ascii=False)},
            {"role": "assistant", "content": english.capital(_text(rng.choice(offered.tool.say), values, rng, result))}]


def double_exchange(offered, rng, side):
    """Two calls of one tool in one turn: only for tools whose request says so in one sentence."""
    import json
    first, second = values_for(offered, rng, side), values_for(offered, rng, side)
    ask = {"Get the weather of a city": "What is the weather like in {a} and in {b}?", "Get the time in a city": "What time is it in {a} and in {b}?",
           "Start a timer": "Set two timers: {a} minutes and {b} minutes.", "Look something up": "Look up the words {a} and {b}.",
           "Work out an arithmetic expression": "Use the calculator for {a} and for {b}.", "Set an alarm": "Set two alarms, for {a} and for {b}."}.get(offered.tool.about)
    if not ask or first == second:
        return exchange(offered, rng, side)
    results = [offered.tool.result(v, rng) for v in (first, second)]
    answers = [english.capital(_text(offered.tool.say[0], v, rng, r)) for v, r in zip((first, second), results)]
    answers = [a if a.endswith(".") else a + "." for a in answers]
    return [{"role": "user", "content": english.expand(ask, {"a": first[0], "b": second[0]}, rng)},
            {"role": "assistant", "content": "", "tool_calls": [offered.call(first), offered.call(second)]},
            *({"role": "tool", "content": json.dumps(r, ensure_ascii=False)} for r in results),
            {"role": "assistant", "content": " ".join(answers)}]


def missing_exchange(offered, rng, side):
    """A request for which there is no tool."""
    absent = rng.choice([tool for tool in TOOLS if tool.about not in [o.tool.about for o in offered]])
    values = side.draw("call", lambda: absent.draw(rng), lambda v: (absent.names[0], *v))
    ask = english.capital(_text(rng.choice(absent.ask), values, rng))
    if absent.names[0] in ("calculator", "lookup"):
        return None
    return [{"role": "user", "content": ask}, {"role": "assistant", "content": "I am sorry, I have no tool for that."}]
