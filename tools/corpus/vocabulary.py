"""Further words, for lists, spelling, grammar and names: they have no part to play in stories."""


def _w(text):
    return text.split()


NOUNS = _w("""
abbey accent acrobat actor admiral airport alarm album alley alphabet anchor angle ankle apartment arch architect arena armchair army arrow artist
athlete atlas audience author avenue award badge balance ballet bandage bandit bank banner barber bargain barrel barrier basement basin battery battle
bay beacon beak beam beard bedroom beggar berry binder binoculars birdcage blade blizzard blossom blouse bolt bonfire bonnet boss boulder bouquet
bracket brain brake brick bride broth bruise bubble buckle bud budget buffet bulb bullet bundle bungalow bunk burrow cabin cabinet cable cactus cafe
cage calendar canary cannon canoeist canteen canvas captive caravan cardboard cargo carriage cart cartoon carving cascade case cashier casket
caterpillar cathedral cavern ceiling cell century cereal ceremony chain chalet challenge champion channel chapel chapter character chariot charm chart
cheek chef cherub chick chin choir chord cinema circle circus citizen city claw clay clerk clinic cloth clown club coal coast cobweb cockpit coconut
coil collar college colony column comet comic committee companion company composer concert cone contest cork corridor cotton couch country couple
courage course cradle craft crane crater creature creek crew crib crisp crop cross crowd crumb crust cube cuff curl current curve custom cyclist
cylinder dagger dam dancer dart data dawn deck degree delta den designer dessert detective diamond dice dictionary dinner dinosaur diploma direction
dish distance district ditch diver dock document dome dough dragon drain drama drawing dresser driftwood drop drummer dune dungeon dwarf earring earth
easel echo editor effort eggshell election electrician elevator emerald emperor engine engineer entrance envoy error escalator evidence exam example
exhibit exit explorer eyebrow fable fabric factory fairy family fan fang farewell feast fence festival fiddle figure film fin fire fireplace firework
fishbowl fist flag flame flask flavour fleet flight flood flour foam folder football footprint fort fortune fossil foundation frame freight fringe
fuel fur furnace furniture gallery gap garage garment gas gem general ghost giant goal goblet goblin goggles gold gorilla government grain granite
graph grasshopper gravel grove guard guest guide gulf gum gutter gymnast habit hairbrush hall halo hamper handbag handkerchief handle hanger harness
harvest hatch hawker headline heap heater helmet herb herd hero highway hinge history hive hobby hole hook horizon horn hose host hotel hound
household housekeeper hydrant icicle icing igloo illness image inch index infant ink insect inspector interview invention iron item ivory ivy jaguar
jail jelly jersey jewel jigsaw jockey joint journal juggler jungle jury kernel kidney king kingdom kit knight knot label laboratory lace lad lady
ladybird lance landlord landscape language lap laundry lava lawn lawyer layer league leather lecture legend lens level lever licence lift lightbulb
limb lime line lining link lip list litter liver loaf lobby lock locker locket locomotive log lollipop lord lorry lotus lounge lumber lunch lynx
machine magazine magician mail mailbox mammal manager mane mansion mantle manual marathon margin mask mast match mate material mattress maze meal
measure meat mechanism medicine member memory menu merchant mermaid message messenger metal meteor method metre midnight mile miner mineral minister
mint mission mitten mixture moat model moisture monarch monastery money monk monster monument motor mound mountaineer moustache movie mule muscle
music mystery napkin nation nature navy nectar needlework neighbour nephew nest net nickel niece noon notice novel nun nursery oar oasis oath oats
object observatory officer oil omelette opera orchestra orchid organiser origin ornament orphan owner oyster pack paddle padlock page pail pain paint
pair palace palm panel pantry paper parachute parade paradise parcel parent passage passenger password pasta paste pastry path patient patrol pattern
pavement paw payment peak peanut pearl pedal peg peninsula pension percent perfume period permit pet phantom pharmacy phone photo photograph phrase
physician pianist picnic pier pigsty pillar pin pinch pink pioneer pipe pirate pistol pit pitcher plain planet plank plant plaster plastic platform
player playmate plaza plot plough plug plumage plumber poem poet point poison pole police polish pool poplar porch port porter portrait post poster
pouch powder power prairie present president press prince princess print printer prison prisoner product professor profit programme project proof
property prophet province pulley pump puncture pupil purchase pyramid python quail quarrel quarter queen quest queue quilt quiver rabbi race racket
radar radio rag rail railway raincoat raisin rally ramp ranch ranger ray razor reader receipt recipe record reef referee region reindeer relative
remedy rent report reptile reserve resident restaurant reward rider ridge rifle rim rind risk ritual rival road robe robot rod role roll rooftop room
rosebud route row rowboat royalty rubber rubbish ruby rudder rule runner saddle sail sailboat saint sale salmon salon sample sandcastle sapphire
sardine satellite sauce scale scene scent schedule scholar science scientist score scout scrap screen screw script sculptor sculpture seat seaweed
secretary section senate sentence sentry sequence servant service set settler shadow shampoo shawl shed shelter shield shift shin shipwreck shoelace
shrimp shrine shrub shutter siege sign signal signature silk silver site skeleton sketch skill skin skull slave sleeve slice slide slope slot smoke
snack snowball snowflake snowman society socket soil soldier sole son sorrow soul source space spaceship spark spear speech speed spell sphere spice
spike spine spiral spirit splash splinter sponge sport spot spray spy stadium staff stage stain stall stallion statue steam steel steeple stem step
stereo stew stick sting stocking stomach storage store storey stranger straw streak street string stripe stroke student studio style subject suburb
subway success suit sum summit sunbeam sunrise sunset supper surface surgeon surprise suspect swarm sweetheart swimmer switch sword symbol symphony
syrup system tail talent tank tape target task taste tavern taxi team tear telegram telephone television temper temple tennis terrace territory test
text thanks thief thigh throat throne tile timber tin tip tissue title toast tobacco toilet tomb ton tongs tool torch tornado tour tourist tournament
town trace track trade tradition traffic trail trailer traitor trap trash traveller treasure treat treaty tribe trick tricycle trophy trousseau trowel
truth tub tube tuna tunnel turban turbine turf turnpike tusk tutor twig twin typist tyre uniform union universe university urn usher vacation vaccine
vacuum value vampire van vanilla vault veil vein velvet verse vessel vest victim victory video view villa village villain vine vinegar virus vision
visitor vitamin voyage wafer wage waist waiter waitress walker wallpaper wand warden wardrobe warehouse warrior wasp waste watchdog watchman
watermelon wax wealth weapon weed weekend welcome wheat wheel wheelchair whip whisk wick widow width wig wilderness wing winner wire wisdom witch
witness wizard woodland wool workman worm wound wreath wreck wrist writer yacht yard yarn yolk youth zipper zone zoo""")
WITHOUT_PLURAL = _w("""
binoculars broth cactus cardboard cargo cereal clay coal cotton courage craft data dawn dice dough driftwood earth evidence fabric flour foam fuel fur
furniture gas goggles gold granite gravel gum harvest history icing ink iron ivory ivy jelly laundry lava leather lumber mail meat medicine midnight
mint moisture monarch money music nature nectar needlework noon oasis oats oil paint paper paradise pasta paste pavement perfume pink plaster plastic
plumage poison police polish powder power property reindeer royalty rubber rubbish salmon sardine science seaweed shampoo shrimp silk silver smoke
soil sorrow space staff steam steel stomach storage straw success syrup tennis thanks timber tin tobacco tongs tornado traffic trash tuna turf vanilla
velvet vinegar watchman wax wealth wheat wilderness wisdom wool workman yarn youth""")  # or with an irregular one
ADJECTIVES = _w("""
able absent active actual alert alive ample annual awful awkward bald bare basic blank bleak blind blond brief brisk brittle broad burnt carefree
casual central certain charming chilly chubby civil classic clear close cloudy coarse colourful comfortable complete complex constant costly crazy
creamy creepy crisp crucial cruel crunchy curly current curved cute daily damp daring dear decent delicate delicious dense desperate different dim
direct dizzy double dreadful dull eager eastern elder electric endless enormous entire equal even exact excellent exciting expensive expert extra
faint faithful fancy fatal favourite feeble female fertile fierce final fine firm fit flexible fluffy fond foolish foreign formal former fragile
frequent fruitful furry future general gigantic glorious glossy golden good graceful grand grateful grave great grim guilty handsome handy harsh hasty
helpless hopeful horrible hostile humble humid icy ideal idle ill immense important innocent intense jolly joyful juicy junior keen lame lawful lean
legal level likely limp local lovely lucky lush mad magic main major male marvellous mean mellow mental messy mild minor mobile moist moral muddled
musical mute mysterious naked nasty native natural naughty neat needy neutral noble normal northern numb obvious odd official orderly ordinary outer
oval pale past perky personal pleasant plentiful pointed popular possible practical pregnant pretty previous prickly primary private prompt proper
pure quaint queer rapid ready real recent regular reliable remote responsible restless rigid roasted robust romantic rotten royal ruthless sacred sane
scarce scared scary seasoned selfish senior separate severe sheer sincere single skilled slender slight slim slippery smart smelly snowy sociable
social sore southern spare sparkling special speedy spicy splendid spotless spotted stark starry sticky stiff still stout striped sturdy sudden sunlit
super superb sure surprised suspicious swift talented tasty tearful tense terrible thick thoughtless thrifty tidy total touchy tragic tricky tropical
troubled typical uneven unfair unique unlucky untidy upper urban urgent usual vague vain valid valuable vast velvety vicious violent visible vivid
wary watchful wealthy weary weekly weird western whole wicked willing wiry witty wonderful woolly worthy wounded wrinkled yearly youthful zealous""")
# Regular ones, whose last consonant is not doubled.
VERBS = _w("""
absorb accuse achieve act adapt adjust adopt advise affect aim allow alter amaze amuse announce annoy appear applaud approach approve arrange arrest
arrive assist attach attack attempt attend attract avoid balance bark bathe battle behave belong bless blink boast bounce bow brush bump bury
calculate camp capture carve cause celebrate challenge charge charm chew claim clear collapse collide combine comfort command compare compete complete
concern confess confuse connect consider consist contain continue convince correct cough crash crawl create cure curl cycle damp dare decay deceive
declare deepen defeat defend delay delight demand deny depend deserve direct disagree disappear dive divide double drain drown duck echo edit educate
employ encourage end endure enter entertain exist expand explode explore extend face fade fail fasten fetch file film flash flatten flood flow flower
focus force form frame freshen frighten gain gallop gasp gaze giggle glance glow govern grate greet groan guess guide hammer hand handle happen harm
hatch haul heal heat hesitate hire hook hover howl ignore include increase inform inherit injure insist inspect instruct intend introduce invade itch
jail join joke juggle kick kiss lack last launch laze lick limp list lock loosen lower maintain manage marry match melt memorise mention milk moan
murmur need nest number obey object observe obtain offend organise overflow own paddle part pass pause peck peel peep perform persuade phone pick
pinch place plead please point possess postpone pray preach prepare present preserve press pretend prevent prick proceed produce pronounce propose
prove provide pump puncture question queue race rain raise reach realise recognise record recover reduce reflect reign reject rejoice relax release
rely remain remind remove replace reply report request require research resemble resist respect restore result retire reveal reverse review rinse risk
roar roll ruin rule rush satisfy scare scatter scold scorch scrape scratch scream seal separate serve settle shelter shiver shock sigh sign smash
smoke snatch sneeze sniff snore snow soak soothe sound spare spark sparkle splash spray sprout squash squeak squeeze stain stamp stare startle steer
stretch stroke stroll struggle stuff stumble succeed suck suffer suggest suit supply support suppose surprise surround suspect swallow switch tackle
tame tease tempt thaw tick tickle tire toast tour trace track train transform transport treat tremble trick trouble tumble twist unite unlock unpack
use value vanish vote wail want warm warn waste weaken welcome whine whirl wink wipe witness wrestle wriggle yawn yell yield zoom""")
GIRLS = _w("""
Abigail Adele Agnes Alma Amanda Amelia Angela Anita Annika Astrid Audrey Beatrice Belinda Bertha Bianca Bridget Camilla Caroline Cecilia Celeste
Celine Charlotte Christina Claire Claudia Colette Cora Cynthia Dana Daphne Deborah Delia Diana Dorothy Edith Eleanor Eliza Ellen Eloise Elvira Emily
Erica Estelle Eunice Evelyn Faith Felicity Fiona Frances Frida Gabriela Georgia Gilda Gloria Gwen Hannah Harriet Heidi Helen Hilda Hope Ilse Imogen
Ingrid Irene Irma Isabel Jane Janet Jasmine Jenny Jessica Joan Johanna Josephine Joyce Judith Karen Karin Kathleen Katja Kim Laura Lauren Leona Leonie
Lilian Linda Lisa Lorna Louise Lucia Luna Madeleine Magda Maria Marina Marion Marlene Matilda Maud Melanie Mercy Miriam Monica Muriel Nancy Naomi
Natalie Nicole Noemi Noor Octavia Odette Ophelia Pamela Patience Pauline Pearl Penelope Philippa Priya Rachel Rebecca Regina Renata Rhoda Robyn
Rosalind Rowena Roxana Sabina Salma Samira Sandra Selma Serena Sheila Silvia Sonia Susan Sybil Sylvia Tabitha Tamara Teresa Thelma Ursula Valerie
Vanessa Vicky Viola Vivian Winifred Yvonne Zara Zelda""")
BOYS = _w("""
Aaron Abel Alan Alec Alfred Alvin Ambrose Andrew Angus Anthony Archie Barnaby Barry Benedict Bernard Bert Brian Calvin Cecil Cedric Charles Chester
Christopher Clement Clive Colin Conrad Craig Cuthbert Damian Daniel Declan Derek Dexter Dirk Dominic Donald Douglas Duncan Dylan Earl Edmund Edward
Egon Elias Elliot Elmer Enzo Ernest Ethan Eugene Fabian Ferdinand Fergus Francis Franz Gabriel Gareth Gavin Gerald Gideon Gilbert Giles Glen Gordon
Graham Gregor Guido Gustav Hans Harold Harvey Hector Heinz Herbert Herman Horace Howard Humphrey Ibrahim Igor Isaac Ismael Jeremy Jerome Jerry Jim
Joachim Joseph Joshua Julian Julius Justin Keith Kenneth Kevin Konrad Lambert Laurence Leonard Leopold Lester Levi Lionel Lloyd Lorenzo Louis Lucas
Ludwig Luke Magnus Manuel Marcel Marcus Marius Marvin Matthew Maurice Melvin Michael Miguel Miles Mohamed Morris Moses Nathan Neil Nelson Nicholas
Nigel Norman Olaf Orlando Oswald Patrick Percy Philip Pierre Rafael Ramon Raymond Reginald Rene Richard Robert Rodney Roger Roland Roman Ronald Roy
Rudolf Rupert Russell Salim Samuel Sander Scott Sean Sebastian Sergio Seth Sidney Silas Stanley Stephen Stuart Sven Terence Thaddeus Thomas Timothy
Tony Trevor Tristan Tyler Uri Valentin Vernon Vincent Vito Wallace Warren Wilbur Wilfred William Winston Wolfgang Xavier Yannick Zachary""")
