"""The vocabulary, by what words are good for."""
import vocabulary


def _w(text):
    return text.split()


def _phrases(text):
    return [part.strip() for part in text.replace("\n", " ").split(",") if part.strip()]


GIRLS = _w("""Anna Clara Emma Grace Iris Kate Maya Olive Rosa Tara Uma Wendy Yara Zoe Ada Alice Amina Bella Carmen Chloe
Daisy Dora Elena Elsa Esther Eva Fatima Flora Freya Gina Greta Hana Hazel Ida Ines Isla Ivy Jana Jill Julia June Kira Lara
Leila Lena Lily Lina Lola Lucy Lydia Mabel Mara Martha Mia Mila Mina Mira Molly Nadia Nell Nina Nora Olga Paula Petra Pia
Polly Rania Rita Ruby Ruth Sadie Sara Sofia Stella Tessa Thea Tilda Vera Violet Wanda Willa Yasmin""") + vocabulary.GIRLS
BOYS = _w("""Ben David Felix Henry Jack Leo Noah Peter Quinn Sam Victor Adam Albert Ali Amir Andre Anton Arlo Arthur Axel
Basil Boris Bruno Carl Caspar Cyril Dan Dario Dennis Diego Edgar Edwin Eli Emil Eric Ezra Finn Frank Fred George Gus Hamid
Harry Hassan Hugo Ian Ivan Jakob Jamal Jasper Joel John Jonas Jude Karim Kofi Kurt Lars Lewis Liam Luca Luis Malik Marco Mark
Martin Max Milo Nico Nils Oliver Omar Oscar Otto Owen Pablo Paul Ralph Remy Robin Rolf Rory Rufus Simon Stefan Theo Tim Tobias
Tom Umar Walter Will Yusuf""") + vocabulary.BOYS
SURNAMES = _w("""Abbot Baker Bell Brook Carter Dale Fisher Flint Frost Gale Green Hill Hobbs Hunt Kettle Lake Lamb Marsh
Miller Moss Nettle Oakes Parsley Penn Pepper Pike Plum Potts Quill Reed Rowe Sparrow Stone Thorn Underhill Vale Wells Winter
Wood Wren""")
ANIMAL_NAMES = _w("""Pip Bramble Rollo Tansy Pebble Hazelnut Biscuit Mossy Twig Button Nutmeg Clover Dusty Fern Pocket Rusty
Snowdrop Thistle Tumble Acorn Barley Bristle Cinder Copper Dapple Flick Ginger Juniper Maple Misty Nibble Pepper Poppy
Puddle Quill Ripple Sandy Scout Shadow Smudge Sorrel Sparky Tinker Toffee Velvet Whiskers Willow""")

ANIMALS = _w("""cat dog fox bear owl rabbit horse duck mouse frog turtle goat crow hen lamb badger beaver squirrel hedgehog
otter mole wolf deer donkey pony pig cow sheep goose swan robin sparrow magpie heron stork eagle hawk falcon pigeon parrot
penguin seal whale dolphin crab lobster snail spider beetle butterfly bee ant cricket moth dragonfly lizard snake toad newt
bat rat hamster monkey elephant lion tiger leopard zebra giraffe camel kangaroo koala panda rhino hippo crocodile ostrich
peacock turkey rooster ox buffalo moose weasel ferret raccoon skunk porcupine walrus shark octopus jellyfish starfish
tortoise gecko chameleon raven lark swallow woodpecker kingfisher pelican flamingo seagull cuckoo finch wren llama yak""")
STORY_ANIMALS = _w("""cat dog fox bear owl rabbit pony duck mouse frog turtle goat crow hen lamb badger beaver squirrel
hedgehog otter mole deer donkey pig goose swan robin sparrow magpie heron stork toad tortoise raven lark kitten puppy fawn
duckling piglet cub gosling foal kid calf""")
HELPER_ANIMALS = _w("""owl crow robin squirrel fox hedgehog badger magpie heron otter mole toad tortoise raven swallow beaver
cat dog goat donkey""")
OBJECTS = _w("""key lamp book basket kite bell map coin hat ladder mirror letter drum blanket bottle boat violin clock
lantern ribbon scarf button umbrella bucket rope whistle flute trumpet guitar teapot kettle cup bowl spoon plate jug candle
box chest suitcase bag purse wallet ring necklace bracelet brooch crown glove coat jacket boot shoe sock cap cloak apron
pencil pen brush notebook diary envelope stamp puzzle doll puppet ball marble spinning-top hoop skate sledge bicycle
wheelbarrow spade rake hammer saw nail needle thimble thread telescope compass camera microscope magnet globe feather shell
pebble stone crystal vase pot pan pillow cushion carpet curtain chair stool table desk shelf bench""")
TREASURES = _w("""key book kite bell map coin hat mirror letter drum blanket violin lantern ribbon scarf button umbrella
whistle flute trumpet teapot cup candle box purse ring necklace bracelet brooch glove coat cap cloak notebook puzzle doll
puppet ball marble telescope compass camera feather shell crystal pencil paintbrush bracelet suitcase basket watch medal
spoon""")
COLOURS = _w("red blue green yellow white black golden silver purple orange brown grey pink turquoise crimson violet")
PLAIN_COLOURS = _w("red blue green yellow white black purple orange brown grey pink")

# Place and how one is there.
PLACES = {}
for _part in _phrases("""garden:in, forest:in, river:by, market:at, kitchen:in, school:at, library:in, beach:on, mountain:on,
farm:on, harbour:in, bakery:at, attic:in, station:at, meadow:in, orchard:in, barn:in, stable:in, mill:at, bridge:on,
lake:by, pond:by, well:by, hill:on, valley:in, cave:in, cellar:in, workshop:in, museum:in, theatre:at, park:in, square:in,
church:in, tower:in, castle:in, island:on, lighthouse:at, shore:on, field:in, vineyard:in, greenhouse:in, playground:on,
inn:at, shop:in, post office:at, hospital:at, bus stop:at, canal:by, waterfall:by, swamp:in, quarry:in, village hall:in,
boathouse:in, courtyard:in, cottage:in, hut:in, tent:in, balcony:on, hallway:in, windmill:at, town hall:in, ferry:on,
fountain:by, gate:at, hedge:behind, haystack:behind, old oak:under, apple tree:under, woodshed:behind, ruins:in, camp:at"""):
    _name, _prep = _part.split(":")
    PLACES[_name] = f"{_prep} the {_name}"
OUTDOOR = _phrases("""garden, forest, river, beach, mountain, harbour, meadow, orchard, bridge, lake, pond, hill, valley, park,
island, shore, field, vineyard, canal, waterfall, swamp, quarry, windmill, old oak, apple tree, ruins, camp""")
INDOOR = _phrases("""kitchen, library, attic, barn, stable, cellar, workshop, museum, greenhouse, inn, shop, village hall,
boathouse, cottage, hut, tower, castle, church, hallway, bakery, school, station""")

FOODS = _w("""apple bread soup cake cheese pear honey carrot pie nut plum rice potato tomato onion bean pea cabbage lettuce
pumpkin mushroom cherry strawberry raspberry grape lemon orange banana melon peach fig date almond walnut chestnut egg milk
butter cream yoghurt pancake waffle biscuit muffin pudding porridge noodle sausage ham fish salad sandwich jam sugar salt
pepper cinnamon ginger garlic olive corn tea coffee juice""")
TREATS = _phrases("""apple pie, honey cake, onion soup, plum jam, cheese rolls, pancakes, roasted chestnuts, warm bread,
pumpkin soup, cherry tart, ginger biscuits, bean stew, blackberry crumble, buttered toast, oat porridge, lemon cake, walnut
bread, mushroom pie, rice pudding, baked apples, potato soup, raspberry jam, hot chocolate, almond biscuits, carrot cake,
cinnamon buns, barley soup, pear tart, fried fish, noodle soup""")
COUNTABLE_FOODS = _w("""apple pear carrot nut plum potato tomato onion bean cabbage pumpkin mushroom cherry strawberry grape
lemon orange banana melon peach fig almond walnut chestnut egg pancake biscuit muffin sausage sandwich olive""")
COUNTABLES = COUNTABLE_FOODS + _w("""key book kite bell coin hat letter drum bottle button ribbon shell marble stamp pencil
candle feather pebble ball cup spoon plate flower rose tulip basket ticket sticker card toy block star leaf""")
JOBS = _w("""baker miller farmer fisherman teacher doctor nurse carpenter tailor shoemaker blacksmith gardener shepherd
librarian painter potter weaver sailor captain ferryman postman clockmaker musician singer beekeeper cook innkeeper
lighthouse-keeper builder watchmaker glassblower florist butcher grocer pilot driver mechanic dentist vet judge
astronomer inventor""")
RELATIVES = {"grandmother": "she", "grandfather": "he", "aunt": "she", "uncle": "he", "mother": "she", "father": "he",
             "sister": "she", "brother": "he", "cousin": "she"}
GROWNUPS = {"grandmother": "she", "grandfather": "he", "aunt": "she", "uncle": "he", "mother": "she", "father": "he"}

GOOD_TRAITS = _w("""brave clever kind curious gentle patient honest cheerful careful thoughtful generous helpful quick
polite loyal friendly wise modest lively hard-working steady bold""")
HARD_TRAITS = _w("""proud shy impatient lazy greedy stubborn forgetful boastful grumpy careless nosy timid clumsy
absent-minded noisy""")
SIZES = _w("small little tiny big large tall old young thin plump")
OBJECT_LOOKS = _w("old new small heavy shiny dusty broken wooden painted polished cracked beautiful plain strange rusty "
                  "soft worn tiny precious handmade")
PLACE_LOOKS = _w("quiet busy dark sunny windy cold warm lonely wide narrow hidden ancient peaceful crowded misty green "
                 "empty steep muddy foggy")
HAPPY = _w("glad happy proud delighted thankful pleased relieved cheerful overjoyed content")
UNHAPPY = _w("sad worried afraid upset unhappy gloomy lonely anxious disappointed miserable")
WEATHER = _phrases("""rain:it began to rain, snow:it began to snow, wind:a strong wind began to blow, fog:a thick fog came
down, thunder:thunder rolled over the hills, hail:hail rattled on the roofs,
 frost:frost covered the
ground""".replace("\n", " "))
ADVERBS = _w("slowly quickly quietly carefully softly gently bravely happily sadly suddenly proudly patiently politely "
             "eagerly firmly calmly warmly loudly")
ADJECTIVES = sorted(set(GOOD_TRAITS + HARD_TRAITS + SIZES + OBJECT_LOOKS + PLACE_LOOKS + HAPPY + UNHAPPY + _w("""bright
early late deep shallow high low long short fast slow hot cool wet dry clean dirty full hungry thirsty sleepy tired sick
healthy strong weak rich poor cheap safe dangerous easy difficult simple true false right wrong sweet sour bitter salty
fresh stale raw ripe smooth rough sharp blunt round square flat straight crooked hollow solid liquid frozen loose tight
open closed public secret famous unknown common rare wild tame modern distant near perfect useful useless funny serious
silent angry calm merry jealous nervous silly sensible cosy elegant fair huge mighty tender tough""") + vocabulary.ADJECTIVES))
VERBS = sorted(set(_w("""walk jump climb help paint play look listen call answer ask open close push pull carry wash cook bake
clean count add move wait stay visit travel follow lead laugh cry smile shout whisper talk explain promise thank invite
borrow return repair build fix plant water harvest gather collect share offer accept refuse decide hope wish dream wonder
remember learn study practise teach watch notice discover search hunt chase escape hide rescue protect guard cover pour
fill empty measure weigh cross turn start finish stop rest sleepwalk hurry wander march dance skate ski row sail land float
sink wave nod clap knock ring whistle hum sew knit weave stitch cut chop mix stir boil roast fry taste smell touch
polish decorate wrap pack load deliver post receive print type copy mark check sort mend sweep dust iron fold borrow
save spend earn trade buy order cancel miss expect prefer enjoy like love dislike fear trust doubt believe agree
argue complain apologise forgive punish reward praise admire imagine invent design improve damage destroy
""") + vocabulary.VERBS) - {"sleepwalk", "buy", "lead", "teach", "ring", "cut", "hide", "weave", "sew", "sink", "spend"})
DOUBLING = set(_w("stop chop nod clap hum knit stir wrap chat plan hop prefer travel cancel"))
IRREGULAR_PAST = dict(p.split(":") for p in _w("""go:went run:ran swim:swam eat:ate drink:drank see:saw come:came give:gave
take:took make:made find:found lose:lost buy:bought bring:brought think:thought teach:taught catch:caught write:wrote
read:read speak:spoke break:broke choose:chose freeze:froze wake:woke drive:drove ride:rode rise:rose sing:sang ring:rang
sink:sank begin:began fly:flew grow:grew know:knew throw:threw blow:blew draw:drew fall:fell feel:felt keep:kept leave:left
meet:met sleep:slept sweep:swept build:built send:sent spend:spent lend:lent sit:sat stand:stood understand:understood
win:won hold:held tell:told sell:sold say:said pay:paid hear:heard cut:cut put:put let:let hit:hit shut:shut hide:hid
bite:bit light:lit dig:dug hang:hung stick:stuck shine:shone wear:wore tear:tore forget:forgot get:got fight:fought
seek:sought lead:led feed:fed bend:bent steal:stole shake:shook weave:wove""".replace("\n", " ")))
NATURE = _w("""sun moon star cloud sky rain snow wind storm rainbow lightning thunder fog frost ice river stream lake pond
sea ocean wave tide beach island cliff rock sand mud mountain hill valley desert forest tree leaf branch root trunk bark
bush flower grass seed moss fern reed thorn petal rose tulip daisy lily violet sunflower oak pine birch willow maple
beech elm ash fir volcano glacier cave meadow field""")
HOUSEHOLD = _w("""door window wall floor roof chimney stove oven sink fridge cupboard drawer bed sofa lamp rug clock
picture vase broom mop towel soap comb toothbrush blanket pillow sheet fork knife spoon glass cup saucer tray jar lid tap
bath shower stairs cellar""")
TRANSPORT = _w("car bus train tram bicycle boat ship ferry plane balloon rocket truck tractor wagon sledge canoe raft "
               "submarine helicopter scooter")
CLOTHES = _w("shirt trousers dress skirt sweater jacket coat hat cap scarf glove sock shoe boot sandal belt tie pyjamas")
BODY = _w("head hair face eye ear nose mouth tooth tongue neck shoulder arm elbow hand finger thumb chest back leg knee "
          "foot toe heel heart")
INSTRUMENTS = _w("violin piano guitar drum flute trumpet harp cello clarinet organ banjo accordion")
TOOLS = _w("hammer saw spade rake axe drill screwdriver pliers shovel chisel ladder wrench")
FRUIT = _w("apple pear plum cherry strawberry raspberry grape lemon orange banana melon peach fig mango kiwi apricot")
VEGETABLES = _w("carrot potato onion pea cabbage lettuce pumpkin spinach radish turnip leek celery cucumber broccoli")
SCHOOL = _w("pencil pen ruler notebook eraser desk blackboard chalk crayon scissors satchel map globe")
CATEGORIES = {
    "animals": ANIMALS, "fruits": FRUIT, "vegetables": VEGETABLES, "tools": TOOLS, "clothes": CLOTHES,
    "musical instruments": INSTRUMENTS, "vehicles": TRANSPORT, "parts of the body": BODY, "colours": PLAIN_COLOURS,
    "numbers": _w("one two three four five six seven eight nine ten eleven twelve"),
    "days of the week": _w("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "trees": _w("oak pine birch willow maple beech elm fir"),
    "jobs": [job for job in JOBS if "-" not in job],
}
DAYS = CATEGORIES["days of the week"]
MONTHS = _w("January February March April May June July August September October November December")
ABSTRACT = _w("""answer question idea plan secret promise story song game joke riddle lesson mistake problem reason word
name number sound voice noise smell colour shape size weight price gift prize party wedding birthday journey visit
adventure dream wish hope fear joy anger peace war luck danger trouble help work rest holiday morning evening night day week
month year season spring summer autumn winter minute hour moment corner edge middle side top bottom front end
beginning centre""")
PLACES_NOUNS = [name for name in PLACES if " " not in name]
NOUNS = sorted({word for group in (ANIMALS, OBJECTS, FOODS, NATURE, HOUSEHOLD, TRANSPORT, CLOTHES, BODY, INSTRUMENTS, TOOLS,
                                   FRUIT, VEGETABLES, SCHOOL, ABSTRACT, PLACES_NOUNS, JOBS, list(RELATIVES), vocabulary.NOUNS)
                for word in group if "-" not in word})
UNCOUNTABLE = set(_w("""bread soup cheese honey rice milk butter cream yoghurt porridge ham salad jam sugar salt pepper cinnamon
ginger garlic corn tea coffee juice sand mud ice snow rain fog frost grass moss thunder lightning hair soap chalk
help work luck anger peace joy thread weather trousers pyjamas stairs ruins scissors pliers bark wind hope
fear war cabbage lettuce spinach broccoli celery""") + vocabulary.WITHOUT_PLURAL) - {"cabbage"}
PLURAL_NOUNS = [noun for noun in NOUNS if noun not in UNCOUNTABLE and noun not in ("rhino", "hippo", "kiwi", "piano", "back")]
LETTER_WORDS = sorted({word for word in NOUNS + ADJECTIVES + VERBS if word.isalpha() and 3 <= len(word) <= 9})
OPPOSITES = dict(p.split(":") for p in _w("""big:small tall:short hot:cold happy:sad old:young fast:slow early:late
open:closed full:empty light:dark heavy:light wet:dry clean:dirty strong:weak rich:poor high:low long:short deep:shallow
wide:narrow thick:thin hard:soft loud:quiet near:far easy:difficult cheap:expensive right:wrong true:false sweet:sour
sharp:blunt rough:smooth brave:cowardly generous:greedy polite:rude safe:dangerous awake:asleep first:last up:down left:right
inside:outside above:below before:after day:night summer:winter begin:end buy:sell push:pull give:take win:lose laugh:cry
remember:forget love:hate friend:enemy always:never everything:nothing north:south east:west arrive:leave float:sink
question:answer beautiful:ugly""".replace("\n", " ")))
