"""Translation: phrase books of German, French and Spanish, and sentences put together from nouns and adjectives."""
import english

LANGUAGES = ("German", "French", "Spanish")

# English | German | French | Spanish
PHRASES = [line.split("|") for line in """Hello.|Hallo.|Bonjour.|Hola.
Good morning.|Guten Morgen.|Bonjour.|Buenos días.
Good evening.|Guten Abend.|Bonsoir.|Buenas noches.
Good night.|Gute Nacht.|Bonne nuit.|Buenas noches.
Goodbye.|Auf Wiedersehen.|Au revoir.|Adiós.
See you tomorrow.|Bis morgen.|À demain.|Hasta mañana.
Thank you.|Danke.|Merci.|Gracias.
Thank you very much.|Vielen Dank.|Merci beaucoup.|Muchas gracias.
You are welcome.|Gern geschehen.|De rien.|De nada.
Please.|Bitte.|S'il vous plaît.|Por favor.
Yes.|Ja.|Oui.|Sí.
No.|Nein.|Non.|No.
Perhaps.|Vielleicht.|Peut-être.|Quizás.
I am sorry.|Es tut mir leid.|Je suis désolé.|Lo siento.
Excuse me.|Entschuldigung.|Excusez-moi.|Disculpe.
How are you?|Wie geht es Ihnen?|Comment allez-vous?|¿Cómo está usted?
I am fine.|Mir geht es gut.|Je vais bien.|Estoy bien.
What is your name?|Wie heißen Sie?|Comment vous appelez-vous?|¿Cómo se llama usted?
I do not understand.|Ich verstehe nicht.|Je ne comprends pas.|No entiendo.
I do not know.|Ich weiß es nicht.|Je ne sais pas.|No lo sé.
Do you speak English?|Sprechen Sie Englisch?|Parlez-vous anglais?|¿Habla usted inglés?
Where is the station?|Wo ist der Bahnhof?|Où est la gare?|¿Dónde está la estación?
Where is the toilet?|Wo ist die Toilette?|Où sont les toilettes?|¿Dónde está el baño?
How much does it cost?|Wie viel kostet das?|Combien ça coûte?|¿Cuánto cuesta?
The bill, please.|Die Rechnung, bitte.|L'addition, s'il vous plaît.|La cuenta, por favor.
I am hungry.|Ich habe Hunger.|J'ai faim.|Tengo hambre.
I am thirsty.|Ich habe Durst.|J'ai soif.|Tengo sed.
I am tired.|Ich bin müde.|Je suis fatigué.|Estoy cansado.
I am ill.|Ich bin krank.|Je suis malade.|Estoy enfermo.
Help!|Hilfe!|Au secours!|¡Socorro!
What time is it?|Wie spät ist es?|Quelle heure est-il?|¿Qué hora es?
It is cold.|Es ist kalt.|Il fait froid.|Hace frío.
It is hot.|Es ist heiß.|Il fait chaud.|Hace calor.
It is raining.|Es regnet.|Il pleut.|Llueve.
It is snowing.|Es schneit.|Il neige.|Nieva.
I love you.|Ich liebe dich.|Je t'aime.|Te quiero.
Happy birthday!|Alles Gute zum Geburtstag!|Joyeux anniversaire!|¡Feliz cumpleaños!
Welcome!|Willkommen!|Bienvenue!|¡Bienvenidos!
Enjoy your meal!|Guten Appetit!|Bon appétit!|¡Buen provecho!
Have a good trip!|Gute Reise!|Bon voyage!|¡Buen viaje!
Good luck!|Viel Glück!|Bonne chance!|¡Buena suerte!
Today.|Heute.|Aujourd'hui.|Hoy.
Tomorrow.|Morgen.|Demain.|Mañana.
Yesterday.|Gestern.|Hier.|Ayer.
I live here.|Ich wohne hier.|J'habite ici.|Vivo aquí.
I am learning German.|Ich lerne Deutsch.|J'apprends l'allemand.|Aprendo alemán.
Wait a moment.|Warten Sie einen Moment.|Attendez un moment.|Espere un momento.
Come in!|Kommen Sie herein!|Entrez!|¡Pase!
I would like a coffee.|Ich möchte einen Kaffee.|Je voudrais un café.|Quisiera un café.
I would like a glass of water.|Ich möchte ein Glas Wasser.|Je voudrais un verre d'eau.|Quisiera un vaso de agua.""".splitlines()]

# English | German with article | French with article | Spanish with article
NOUNS = [line.split("|") for line in """house|das Haus|la maison|la casa
dog|der Hund|le chien|el perro
cat|die Katze|le chat|el gato
horse|das Pferd|le cheval|el caballo
bird|der Vogel|l'oiseau m|el pájaro
fish|der Fisch|le poisson|el pez
cow|die Kuh|la vache|la vaca
tree|der Baum|l'arbre m|el árbol
flower|die Blume|la fleur|la flor
apple|der Apfel|la pomme|la manzana
bread|das Brot|le pain|el pan
cheese|der Käse|le fromage|el queso
soup|die Suppe|la soupe|la sopa
book|das Buch|le livre|el libro
table|der Tisch|la table|la mesa
chair|der Stuhl|la chaise|la silla
door|die Tür|la porte|la puerta
window|das Fenster|la fenêtre|la ventana
car|das Auto|la voiture|el coche
train|der Zug|le train|el tren
ship|das Schiff|le bateau|el barco
street|die Straße|la rue|la calle
bridge|die Brücke|le pont|el puente
town|die Stadt|la ville|la ciudad
garden|der Garten|le jardin|el jardín
school|die Schule|l'école f|la escuela
river|der Fluss|la rivière|el río
mountain|der Berg|la montagne|la montaña
moon|der Mond|la lune|la luna
star|der Stern|l'étoile f|la estrella
hat|der Hut|le chapeau|el sombrero
shirt|das Hemd|la chemise|la camisa
shoe|der Schuh|la chaussure|el zapato
letter|der Brief|la lettre|la carta
key|der Schlüssel|la clé|la llave
clock|die Uhr|l'horloge f|el reloj
lamp|die Lampe|la lampe|la lámpara
bed|das Bett|le lit|la cama
cup|die Tasse|la tasse|la taza
spoon|der Löffel|la cuillère|la cuchara
egg|das Ei|l'œuf m|el huevo
cake|der Kuchen|le gâteau|el pastel
girl|das Mädchen|la fille|la chica
boy|der Junge|le garçon|el chico
man|der Mann|l'homme m|el hombre
woman|die Frau|la femme|la mujer
king|der König|le roi|el rey
teacher|der Lehrer|le professeur|el profesor
picture|das Bild|l'image f|la imagen
ball|der Ball|le ballon|la pelota""".splitlines()]

# English | German | French masculine, feminine | Spanish masculine, feminine
ADJECTIVES = [line.split("|") for line in """red|rot|rouge,rouge|rojo,roja
blue|blau|bleu,bleue|azul,azul
green|grün|vert,verte|verde,verde
yellow|gelb|jaune,jaune|amarillo,amarilla
white|weiß|blanc,blanche|blanco,blanca
black|schwarz|noir,noire|negro,negra
brown|braun|brun,brune|marrón,marrón
grey|grau|gris,grise|gris,gris
big|groß|grand,grande|grande,grande
small|klein|petit,petite|pequeño,pequeña
old|alt|vieux,vieille|viejo,vieja
new|neu|nouveau,nouvelle|nuevo,nueva
beautiful|schön|beau,belle|bonito,bonita
cold|kalt|froid,froide|frío,fría
warm|warm|chaud,chaude|caliente,caliente
heavy|schwer|lourd,lourde|pesado,pesada
clean|sauber|propre,propre|limpio,limpia
dirty|schmutzig|sale,sale|sucio,sucia
good|gut|bon,bonne|bueno,buena
quiet|ruhig|calme,calme|tranquilo,tranquila
expensive|teuer|cher,chère|caro,cara
round|rund|rond,ronde|redondo,redonda
strong|stark|fort,forte|fuerte,fuerte
young|jung|jeune,jeune|joven,joven""".splitlines()]

# What Spanish says with "estar".
PASSING = ("cold", "warm", "clean", "dirty")

NUMBERS = [line.split("|") for line in """one|eins|un|uno
two|zwei|deux|dos
three|drei|trois|tres
four|vier|quatre|cuatro
five|fünf|cinq|cinco
six|sechs|six|seis
seven|sieben|sept|siete
eight|acht|huit|ocho
nine|neun|neuf|nueve
ten|zehn|dix|diez
twenty|zwanzig|vingt|veinte
hundred|hundert|cent|cien
Monday|Montag|lundi|lunes
Tuesday|Dienstag|mardi|martes
Wednesday|Mittwoch|mercredi|miércoles
Thursday|Donnerstag|jeudi|jueves
Friday|Freitag|vendredi|viernes
Saturday|Samstag|samedi|sábado
Sunday|Sonntag|dimanche|domingo
mother|Mutter|mère|madre
father|Vater|père|padre
brother|Bruder|frère|hermano
sister|Schwester|sœur|hermana
friend|Freund|ami|amigo
water|Wasser|eau|agua
milk|Milch|lait|leche
day|Tag|jour|día
night|Nacht|nuit|noche
sun|Sonne|soleil|sol
sea|Meer|mer|mar
red|rot|rouge|rojo
blue|blau|bleu|azul
green|grün|vert|verde
yellow|gelb|jaune|amarillo""".splitlines()]


def _noun(entry, language):
    """(noun with article, whether feminine)."""
    text = entry[1 + LANGUAGES.index(language)]
    if text[-2:] in (" m", " f"):
        return text[:-2], text[-1] == "f"
    return text, text.split()[0] in ("la", "die")


def _adjective(entry, language, feminine):
    text = entry[1 + LANGUAGES.index(language)]
    return text.split(",")[feminine] if "," in text else text


def sentence_pair(rng, side, language):
    """(English, other) of a made-up sentence. The pair of noun and adjective is the item, in any sentence."""
    noun, adjective = side.draw("translation", lambda: (rng.choice(NOUNS), rng.choice(ADJECTIVES)), lambda p: (language, p[0][0], p[1][0]))
    theirs, feminine = _noun(noun, language)
    word = _adjective(adjective, language, feminine)
    start = english.capital(theirs)
    es = "está" if adjective[0] in PASSING else "es"
    is_, very, not_ = {"German": ("ist", "sehr", "ist nicht"), "French": ("est", "très", "n'est pas"),
                       "Spanish": (es, "muy", f"no {es}")}[language]
    ours = f"The {noun[0]}"
    question = {"German": f"Ist {theirs} {word}?", "French": f"Est-ce que {theirs} est {word}?", "Spanish": f"¿{english.capital(es)} {word} {theirs}?"}[language]
    here = {"German": f"Hier ist {theirs}. {_they(noun, language)} ist {word}.", "French": f"Voici {theirs}. {_they(noun, language)} est {word}.",
            "Spanish": f"Aquí está {theirs}. {english.capital(es)} {word}."}[language]
    pairs = [(f"{ours} is {adjective[0]}.", f"{start} {is_} {word}."), (f"{ours} is very {adjective[0]}.", f"{start} {is_} {very} {word}."),
             (f"{ours} is not {adjective[0]}.", f"{start} {not_} {word}."), (f"Is the {noun[0]} {adjective[0]}?", question),
             (f"Here is the {noun[0]}. It is {adjective[0]}.", here)]
    if noun[0] in ("girl", "boy", "man", "woman", "king", "teacher"):
        pairs.pop()
    return rng.choice(pairs)


def _they(noun, language):
    theirs, feminine = _noun(noun, language)
    if language == "German":
        return {"der": "Er", "die": "Sie", "das": "Es"}[theirs.split()[0]]
    return "Elle" if feminine else "Il"


TO = ["Translate into {l}: {t}", "How do you say this in {l}: {t}", "What is this in {l}: {t}", "Say it in {l}: {t}", "Translate to {l}: \"{t}\"",
      "Put this into {l}: {t}", "{t} Translate this into {l}.", "In {l}, please: {t}"]
FROM = ["Translate into English: {t}", "What does this mean in English: {t}", "What is the English for this {l} sentence: {t}",
        "Translate this {l} sentence into English: {t}", "{t} What does that mean?", "I heard this in {l}: \"{t}\" What does it mean?"]


def _into(language, ours, rng):
    """A request to translate; what is no sentence does not stand before another."""
    return english.expand(rng.choice([t for t in TO if ours[-1] in ".!?" or not t.startswith("{t}")]), {"l": language, "t": ours}, rng)


def _from(language, theirs, rng):
    templates = [t for t in FROM if theirs[-1] in ".!?" or not (t.startswith("{t}") or "sentence" in t)]
    return english.expand(rng.choice(templates), {"l": language, "t": theirs}, rng)


def _asked(ours, theirs, language, rng):
    if rng.random() < 0.6:
        return _into(language, ours, rng), theirs
    return _from(language, theirs, rng), ours


def translate_sentence(rng, side):
    language = rng.choice(LANGUAGES)
    return _asked(*sentence_pair(rng, side, language), language, rng)


def translate_phrase(rng, side):
    """From the phrase books; these are learnt by heart, and none is held out."""
    i = rng.randrange(3)
    pool = PHRASES if rng.random() < 0.7 else [[n[0], *(_noun(n, l)[0] for l in LANGUAGES)] for n in NOUNS] if rng.random() < 0.5 else NUMBERS
    entry = rng.choice(pool)
    theirs = entry[1 + i]
    if pool is PHRASES or pool is NUMBERS:
        ours = entry[0]
    else:
        ours = f"the {entry[0]}"
    ambiguous = sum(other[1 + i] == theirs for other in pool) > 1
    if ambiguous or rng.random() < 0.6:
        return _into(LANGUAGES[i], ours, rng), theirs
    return _from(LANGUAGES[i], theirs, rng), ours


def how_do_you_say(rng):
    """The same phrases as one asks for them in passing."""
    i = rng.randrange(3)
    entry = rng.choice(PHRASES if rng.random() < 0.6 else NUMBERS)
    ours = entry[0].rstrip(".!")
    if rng.random() < 0.7 and not ours.startswith(("I ", "I'")):
        ours = ours[0].lower() + ours[1:]
    quote = rng.choice(["", '"'])
    ask = rng.choice(["How do you say {q}{t}{q} in {l}?", "What is {q}{t}{q} in {l}?", "{l} for {q}{t}{q}?"])
    return ask.format(q=quote, t=ours, l=LANGUAGES[i]), entry[1 + i]


def which_language(rng, side):
    language = rng.choice(LANGUAGES)
    _, theirs = sentence_pair(rng, side, language)
    return rng.choice([f"Which language is this: {theirs}", f"What language is this sentence in? {theirs}", f"{theirs} Which language is that?"]), f"That is {language}."


TASKS = {"translate a sentence": translate_sentence, "which language": which_language}
LEARNT = {"translate a phrase": translate_phrase}
