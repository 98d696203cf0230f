"""Common knowledge, and what qnext says of itself. Nothing here is held out: it is learnt by heart."""
import english
import people
import words

CAPITALS = dict(line.split(":") for line in """Germany:Berlin,France:Paris,Spain:Madrid,Italy:Rome,Portugal:Lisbon,Austria:Vienna,Poland:Warsaw,Greece:Athens,
Norway:Oslo,Sweden:Stockholm,Finland:Helsinki,Denmark:Copenhagen,Ireland:Dublin,Belgium:Brussels,Hungary:Budapest,Romania:Bucharest,Bulgaria:Sofia,Serbia:Belgrade,
Croatia:Zagreb,Ukraine:Kyiv,Latvia:Riga,Estonia:Tallinn,Lithuania:Vilnius,Iceland:Reykjavik,Slovakia:Bratislava,Slovenia:Ljubljana,Albania:Tirana,Malta:Valletta,
Switzerland:Bern,Turkey:Ankara,Egypt:Cairo,Kenya:Nairobi,Nigeria:Abuja,Ghana:Accra,Morocco:Rabat,Tunisia:Tunis,Algeria:Algiers,Ethiopia:Addis Ababa,Senegal:Dakar,
Uganda:Kampala,Rwanda:Kigali,Angola:Luanda,Zambia:Lusaka,India:New Delhi,China:Beijing,Japan:Tokyo,Thailand:Bangkok,Vietnam:Hanoi,Indonesia:Jakarta,Nepal:Kathmandu,
Mongolia:Ulaanbaatar,Iran:Tehran,Iraq:Baghdad,Jordan:Amman,Lebanon:Beirut,Pakistan:Islamabad,Bangladesh:Dhaka,Malaysia:Kuala Lumpur,Australia:Canberra,
New Zealand:Wellington,Canada:Ottawa,Mexico:Mexico City,Cuba:Havana,Brazil:Brasilia,Argentina:Buenos Aires,Chile:Santiago,Peru:Lima,Colombia:Bogota,Ecuador:Quito,
Uruguay:Montevideo,Paraguay:Asuncion,Venezuela:Caracas,Jamaica:Kingston,the United Kingdom:London,the United States:Washington,South Korea:Seoul,
the Netherlands:Amsterdam,the Czech Republic:Prague,the Philippines:Manila""".replace("\n", "").split(","))
COLOUR_OF = dict(p.split(":") for p in """grass:green,snow:white,coal:black,a lemon:yellow,a carrot:orange,a tomato:red,a raven:black,a swan:white,milk:white,
the sky on a clear day:blue,a strawberry:red,a ripe banana:yellow,a flamingo:pink,chocolate:brown,a leaf in summer:green,an elephant:grey,a pea:green,
the sun:yellow,a cucumber:green,a plum:purple,soot:black,a cherry:red,an orange:orange,ivory:white,a frog:green,a fir tree:green,blood:red""".replace("\n", "").split(","))
SOUNDS = dict(p.split(":") for p in "dog:barks,cat:meows,cow:moos,duck:quacks,sheep:bleats,horse:neighs,pig:grunts,rooster:crows,lion:roars,bee:buzzes,snake:hisses,owl:hoots,frog:croaks,wolf:howls,mouse:squeaks,hen:clucks,donkey:brays,crow:caws,goose:honks,elephant:trumpets".split(","))
BABIES = dict(p.split(":") for p in "dog:puppy,cat:kitten,cow:calf,horse:foal,sheep:lamb,goat:kid,pig:piglet,duck:duckling,goose:gosling,hen:chick,deer:fawn,bear:cub,lion:cub,frog:tadpole,swan:cygnet,kangaroo:joey".split(","))
LEGS = dict(p.split(":") for p in "dog:four,cat:four,spider:eight,ant:six,bee:six,duck:two,horse:four,snake:no,butterfly:six,hen:two,cow:four,fish:no,beetle:six,owl:two,frog:four,elephant:four,snail:no,goose:two".split(","))
HOMES = dict(p.split(":") for p in "bee:in a hive,bird:in a nest,dog:in a kennel,horse:in a stable,fox:in a den,spider:in a web,fish:in water,mole:under the ground,bear:in a cave,ant:in an anthill,cow:in a cowshed,squirrel:in a tree,beaver:in a lodge".split(","))
EATS = dict(p.split(":") for p in "rabbit:carrots and grass,cow:grass,squirrel:nuts,cat:mice and fish,bear:fish and berries,bee:nectar,owl:mice,heron:fish,monkey:fruit,panda:bamboo,hen:grain,horse:hay and oats,koala:leaves,seal:fish,frog:flies,wolf:meat,snail:leaves".split(","))
JOBS_DO = dict(p.split(":") for p in "baker:bakes bread,teacher:teaches children,doctor:helps sick people,farmer:grows food,carpenter:works with wood,tailor:sews clothes,postman:brings letters,pilot:flies planes,captain:steers a ship,gardener:looks after plants,painter:paints,cook:cooks meals,dentist:looks after teeth,shepherd:looks after sheep,librarian:looks after books,fisherman:catches fish,miller:grinds grain,blacksmith:works with iron,shoemaker:makes shoes,vet:helps sick animals,astronomer:studies the stars,musician:makes music,potter:makes pots,beekeeper:keeps bees,judge:decides in court,nurse:cares for the sick".split(","))
THINGS_FOR = dict(p.split(":") for p in "a key:to open a lock,an umbrella:to stay dry in the rain,a knife:to cut,a hammer:to drive nails,a telescope:to look at the stars,a clock:to tell the time,a spoon:to eat soup,a broom:to sweep the floor,a needle:to sew,a pencil:to write and draw,a bed:to sleep in,a lamp:to give light,a ladder:to climb up,a map:to find the way,a towel:to dry oneself,a comb:to comb one's hair,scissors:to cut paper,a saw:to cut wood,a stove:to cook,a thermometer:to measure how warm it is,a compass:to find north,a pillow:to rest one's head,a spade:to dig,a bucket:to carry water,soap:to wash oneself,a boat:to cross the water,glasses:to see better,a camera:to take pictures".split(","))
PLAIN = [line.split("|") for line in """How many days does a week have?|A week has seven days.
How many months are there in a year?|There are twelve months in a year.
How many days does a year have?|A year has 365 days, and a leap year has 366.
How many hours does a day have?|A day has 24 hours.
How many minutes are there in an hour?|There are sixty minutes in an hour.
How many seconds does a minute have?|A minute has sixty seconds.
How many letters does the English alphabet have?|The English alphabet has 26 letters.
What are the four seasons?|The four seasons are spring, summer, autumn and winter.
What is the coldest season?|Winter is the coldest season.
Which season comes after winter?|Spring comes after winter.
Which season comes after summer?|Autumn comes after summer.
Where does the sun rise?|The sun rises in the east.
Where does the sun set?|The sun sets in the west.
What do plants need to grow?|Plants need light, water and earth.
What is water when it is frozen?|Frozen water is ice.
At how many degrees Celsius does water boil?|Water boils at 100 degrees Celsius.
At how many degrees Celsius does water freeze?|Water freezes at 0 degrees Celsius.
What is the largest animal?|The blue whale is the largest animal.
What is the tallest animal?|The giraffe is the tallest animal.
What is the highest mountain?|Mount Everest is the highest mountain.
What is the largest ocean?|The Pacific is the largest ocean.
Which planet do we live on?|We live on the Earth.
What goes around the Earth?|The moon goes around the Earth.
Which planet is closest to the sun?|Mercury is closest to the sun.
How many planets go around the sun?|Eight planets go around the sun.
What is bread made of?|Bread is made of flour, water, salt and yeast.
What is cheese made of?|Cheese is made of milk.
What is glass made of?|Glass is made of sand.
Where does milk come from?|Milk comes from cows, goats and sheep.
Who makes honey?|Bees make honey.
How many wheels does a bicycle have?|A bicycle has two wheels.
How many sides does a triangle have?|A triangle has three sides.
How many sides does a square have?|A square has four sides.
How many fingers does a hand have?|A hand has five fingers.
What do you get when you mix blue and yellow?|Blue and yellow make green.
What do you get when you mix red and yellow?|Red and yellow make orange.
What do you get when you mix red and blue?|Red and blue make purple.
What do you get when you mix black and white?|Black and white make grey.
How many strings does a violin have?|A violin has four strings.
What is the first month of the year?|January is the first month of the year.
What is the last month of the year?|December is the last month of the year.
What is the shortest month?|February is the shortest month.
Which day comes before Sunday?|Saturday comes before Sunday.
What colours does a traffic light have?|A traffic light is red, yellow and green.
Why do we have day and night?|Because the Earth turns.
What do you wear when it is cold?|When it is cold, you wear a coat, a scarf and gloves.
What do we breathe?|We breathe air.
How many continents are there?|There are seven continents.
On which continent is Egypt?|Egypt is in Africa.
On which continent is Peru?|Peru is in South America.""".splitlines()]
DEFINITIONS = dict(line.split("|") for line in """a bakery|A bakery is a shop where bread and cakes are made.
a library|A library is a place with many books that people can borrow.
a lighthouse|A lighthouse is a tower with a light that shows ships the way.
a harbour|A harbour is a place where ships are safe from the waves.
an orchard|An orchard is a garden with fruit trees.
a meadow|A meadow is a field with grass and flowers.
a bridge|A bridge is a way over a river or a road.
an island|An island is land with water all around it.
a museum|A museum is a house where people look at old or beautiful things.
a compass|A compass is a tool whose needle points north.
a forest|A forest is a place where many trees grow.
a friend|A friend is somebody who likes you and helps you.
a storm|A storm is very strong wind, often with rain.
a secret|A secret is something that only a few people know.
a recipe|A recipe tells you how to cook something.
a dictionary|A dictionary is a book that explains words.
a neighbour|A neighbour is somebody who lives next door.
a vet|A vet is a doctor for animals.
a hive|A hive is a house for bees.
a desert|A desert is a dry place with little rain.
a valley|A valley is the low land between hills.
a holiday|A holiday is a day without work or school.
a question|A question is a sentence that asks for an answer.
a language model|A language model is a program that has learned from text how words follow each other.
a token|A token is a piece of text, often a word or a part of a word.
a computer|A computer is a machine that follows instructions.""".splitlines())

# Several ways to say the same, and several answers.
TALK = [
    (["Hello!", "Hi!", "Hello.", "Hi there!", "Good morning!", "Good evening!", "Hey!", "Good day."],
     ["Hello! How can I help you?", "Hello! What can I do for you?", "Hi! What would you like to know?"]),
    (["Who are you?", "What are you?", "What is your name?", "Tell me who you are.", "Introduce yourself.", "Do you have a name?", "Are you a person?", "Are you human?", "Who am I talking to?"],
     ["I am qnext, a small language model.", "My name is qnext. I am a small language model that runs on your own computer."]),
    (["What can you do?", "How can you help me?", "What are you good at?", "What should I ask you?", "Tell me what you can do.", "Help!"],
     ["I can tell stories, do small sums, count, sort lists, play with words, translate simple sentences, answer questions about a text, and use tools.",
      "Ask me for a story, a sum, a sorted list or a simple translation, or give me a text and ask about it."]),
    (["Who made you?", "Where do you come from?", "Who wrote you?", "How were you made?", "How did you learn to speak?", "What did you learn from?"],
     ["I was trained by the program qnext, on texts that a program of the same project wrote.", "The qnext project trained me. All my texts were written by a program, too."]),
    (["How big are you?", "How many parameters do you have?", "How large is your brain?"],
     ["I am very small: only a few million of my parameters work on each word.", "I have a few million active parameters. That is very little."]),
    (["Are you a large model?", "Are you as clever as the large models?", "Do you know everything?"],
     ["No, I am a very small model. Large models know much more than I do.", "No, I am small and know little."]),
    (["How do you work?", "What kind of model are you?", "What is your architecture?"],
     ["I am a Qwen3-Next model: I read text piece by piece and guess what comes next. Only a few of my experts work on each piece."]),
    (["How are you?", "How are you today?", "Are you well?", "How do you feel?", "How is it going?"], ["I am fine, thank you. How can I help you?", "I am well. What would you like to do?"]),
    (["Thank you!", "Thanks!", "Thank you very much.", "Thanks a lot!", "That was helpful.", "Great, thank you."], ["You are welcome!", "You are welcome. Is there anything else?", "I am glad that I could help."]),
    (["Goodbye!", "Bye!", "See you later.", "Good night!", "I have to go now."], ["Goodbye!", "Goodbye! Have a nice day.", "See you soon!"]),
    (["You are wrong.", "That is not right.", "I think you made a mistake.", "That is wrong!"], ["I am sorry. I am a small model and make mistakes.", "I am sorry about that. Please check what I say."]),
    (["Tell me a joke.", "Do you know a joke?", "Make me laugh.", "Say something funny."],
     ["Why did the clock go to school? It wanted to be on time.", "What did the candle say to the match? You light up my day.", "Why is the sea so friendly? It waves at everyone.",
      "Why did the broom come late? It overswept.", "What does a cloud wear under its coat? Thunderwear."]),
    (["Do you speak German?", "Which languages do you speak?", "Can you speak French?", "Do you know Spanish?"], ["I speak English, and I can translate simple sentences into German, French and Spanish."]),
    (["Are you on the internet?", "Do you need the internet?", "Where do you run?", "Do you send my data anywhere?"], ["I run on your own computer and need no internet.", "I run on this computer only."]),
    (["What is qnext?", "Tell me about qnext.", "What does qnext do?"], ["qnext is a program that runs and trains Qwen3-Next models. I am the small model inside it."]),
    (["I am sad.", "I feel sad today.", "I had a bad day.", "I am unhappy."], ["I am sorry to hear that. Would you like to hear a story?", "I am sorry. Do you want to tell me about it?"]),
    (["I am bored.", "What should we do?", "I have nothing to do.", "Do you have an idea what we could do?"], ["Shall I tell you a story, or do you want to play a word game?", "You could give me a word, and I will spell it backwards."]),
    (["I am happy!", "Today is a good day.", "I am in a good mood."], ["That is good to hear!", "I am glad."]),
    (["What is your favourite colour?", "Which animal do you like best?", "What do you like to eat?", "Do you sleep?", "Do you have a family?"], ["I am a program, so I have no such things. What about you?"]),
    (["What time is it?", "What day is it today?", "What is the date?", "What is the weather like?", "Is it raining?"], ["I do not know. I have no tool for that here."]),
    (["Who will win tomorrow?", "What will happen next year?", "What are the numbers of the lottery?", "Will it rain next week?"], ["I do not know. Nobody can know that for sure."]),
    (["Can you keep a secret?", "Do you remember me?", "Do you know what I said yesterday?"], ["I only know what is said in this conversation."]),
]
UNKNOWN = ["Who wrote the book \"{b}\"?", "How old is {h} {s}?", "What is the capital of {z}?", "When was {h} {s} born?", "Who is {h} {s}?", "How tall is {h} {s}?"]


def capital(rng):
    country, town = rng.choice(list(CAPITALS.items()))
    if rng.random() < 0.2:
        return rng.choice([f"Which country has the capital {town}?", f"{town} is the capital of which country?"]), f"{town} is the capital of {country}."
    return rng.choice([f"What is the capital of {country}?", f"Which city is the capital of {country}?", f"Tell me the capital of {country}.", f"What is {country}'s capital?",
                       f"Do you know the capital of {country}?"]), f"The capital of {country} is {town}."


def colour(rng):
    thing, is_ = rng.choice(list(COLOUR_OF.items()))
    return rng.choice([f"What colour is {thing}?", f"Which colour does {thing} have?"]), f"{english.capital(thing)} is {is_}."


def creature(rng):
    kind = rng.randrange(5)
    if kind == 0:
        a, x = rng.choice(list(SOUNDS.items()))
        return rng.choice([f"What does {english.with_article(a)} do?", f"Which sound does {english.with_article(a)} make?"]), english.capital(f"{english.with_article(a)} {x}.")
    if kind == 1:
        a, x = rng.choice(list(BABIES.items()))
        return rng.choice([f"What is a young {a} called?", f"What do you call the young of {english.with_article(a)}?"]), f"A young {a} is called {english.with_article(x)}."
    if kind == 2:
        a, x = rng.choice(list(LEGS.items()))
        return rng.choice([f"How many legs does {english.with_article(a)} have?", f"How many legs has {english.with_article(a)}?"]), english.capital(f"{english.with_article(a)} has {x} legs.")
    if kind == 3:
        a, x = rng.choice(list(HOMES.items()))
        return rng.choice([f"Where does {english.with_article(a)} live?", f"Where do {english.plural(a)} live?"]), english.capital(f"{english.with_article(a)} lives {x}.")
    a, x = rng.choice(list(EATS.items()))
    return rng.choice([f"What does {english.with_article(a)} eat?", f"What do {english.plural(a)} eat?"]), english.capital(f"{english.with_article(a)} eats {x}.")


def job(rng):
    name, does = rng.choice(list(JOBS_DO.items()))
    return rng.choice([f"What does {english.with_article(name)} do?", f"What is the work of {english.with_article(name)}?"]), english.capital(f"{english.with_article(name)} {does}.")


def purpose(rng):
    thing, use = rng.choice(list(THINGS_FOR.items()))
    be = "are" if thing in ("scissors", "glasses") else "is"
    return rng.choice([f"What {be} {thing} for?", f"What do you need {thing} for?", f"Why do people use {thing}?"]), f"People use {thing} {use}."


def definition(rng):
    name, text = rng.choice(list(DEFINITIONS.items()))
    return rng.choice([f"What is {name}?", f"Explain what {name} is.", f"What does the word {name.split(' ', 1)[1]} mean?", f"Can you explain {name}?"]), text


def calendar(rng):
    names = rng.choice([words.DAYS, words.MONTHS])
    i = rng.randrange(len(names))
    unit = "day" if names is words.DAYS else "month"
    if rng.random() < 0.5:
        return rng.choice([f"Which {unit} comes after {names[i]}?", f"What comes after {names[i]}?", f"What is the {unit} after {names[i]}?"]), f"{names[(i + 1) % len(names)]} comes after {names[i]}."
    return rng.choice([f"Which {unit} comes before {names[i]}?", f"What comes before {names[i]}?", f"What is the {unit} before {names[i]}?"]), f"{names[i - 1]} comes before {names[i]}."


def plain(rng):
    question, answer = rng.choice(PLAIN)
    return question, answer


def talk(rng):
    asks, answers = rng.choice(TALK)
    return rng.choice(asks), rng.choice(answers)


def introduce(rng):
    name = people.human(rng).name
    return rng.choice([f"My name is {name}.", f"Hello, I am {name}.", f"I am {name}. Who are you?", f"Hi, {name} here."]), \
        rng.choice([f"Hello {name}! I am qnext. What can I do for you?", f"Nice to meet you, {name}. I am qnext."])


def unknown(rng):
    slots = {"h": people.human(rng).name, "s": rng.choice(words.SURNAMES), "b": f"The {english.capital(rng.choice(words.COLOURS))} {english.capital(rng.choice(words.TREASURES))}",
             "z": rng.choice("AVBDKLMNTZ") + rng.choice("aeou") + rng.choice(["r", "l", "n", "v", "z", "m"]) + rng.choice(["onia", "ania", "istan", "aland", "aria", "ovia"])}
    return english.expand(rng.choice(UNKNOWN), slots, rng), rng.choice(["I do not know that.", "I do not know. I am only a small model."])


TASKS = {"capital": capital, "colour": colour, "animal": creature, "job": job, "purpose": purpose, "definition": definition, "calendar": calendar,
         "plain": plain, "talk": talk, "unknown": unknown}
WEIGHTS = {"capital": 3, "animal": 2, "talk": 6, "plain": 3}


def any_fact(rng, talking=True):
    names = [name for name in TASKS if talking or name != "talk"]
    name = rng.choices(names, [WEIGHTS.get(n, 1) for n in names])[0]
    return TASKS[name](rng)
