"""Small talk of two people, line by line. A scene is a list of beats as in plots.py; h and f speak in turn."""
import english
import people
import stories
import words

SCENES = {
    "market": [
        ["Good morning! What would you like?", "Hello! Can I help you?", "Good day. What can I do for you?"],
        ["I need {n} {foods}[, please|].", "Do you have {foods}?", "How much are the {foods}?"],
        ["Yes, they are fresh from the farm. {N} for {n2} coins.", "Of course. These came in this morning.", "The {foods} are very good today."],
        ["[Good|Fine]. And some {foods2}, too.", "That is a little expensive.", "Then I will take {n}."],
        ["Here you are. Anything else?", "That makes {n2} coins. Would you like a bag?"],
        ["No, thank you. That is all."],
        ["[Goodbye, and enjoy them|Come again soon]!"],
    ],
    "the way": [
        ["Excuse me, how do I get to the {place}?", "I think I am lost. Where is the {place}?", "Do you know the way to the {place}?"],
        ["Go straight on and turn left at the {room}.", "It is not far. Follow the street to the {room}.", "The {place}? You have to cross the bridge."],
        ["Is it far on foot?", "How long does it take?"],
        ["About {n} minutes, if you walk fast.", "Only {n} minutes."],
        ["Thank you, that is very kind.", "You have helped me a lot."],
        ["You are welcome. [Have a good day|Take care]!", "I am going there too. Come with me."],
    ],
    "invitation": [
        ["What are you doing on {day}?", "Do you have time on {day}?", "It is my birthday on {day}. Will you come?"],
        ["On {day}? Nothing yet. Why?", "I wanted to [read|sleep late], but I can do that another day.", "I am not sure. Why do you ask?"],
        ["We want to go to the {place} and {do_something}.", "I am making {treat}, and there is far too much of it.", "{T} is coming, and we want to {do_something}."],
        ["That sounds [good|like fun]! What should I bring?", "I would love to come.", "May I bring my cousin?"],
        ["Just bring [good weather|your {thing}|an appetite].", "Of course. The more, the better."],
        ["At what time?", "When shall I be there?"],
        ["At {n} o'clock.", "Come when the church bell rings {n} times."],
        ["I will be there[. See you on {day}|]!", "Then I will see you on {day}."],
    ],
    "lost and found": [
        ["Hello, I have lost my {thing}.", "Good morning. Did anybody bring you a {colour} {thing}?"],
        ["What does it look like, and where did you lose it?", "Tell me more about it."],
        ["It is {colour} and rather {look}, and I had it {at_place} on {day}."],
        ["Let me have a look. I have a {colour2} {other} here, and this {thing}.", "You are lucky. Somebody found one {at_place2}."],
        ["Yes, I see it! Thank you so much!"],
        ["[Sign here, please|Take good care of it]."],
    ],
    "doctor": [
        ["What is the matter?", "Come in. Where does it hurt?", "How can I help you?"],
        ["My {body} hurts.", "I have had a cough for {n} days.", "I fell over a {thing} and hurt my {body}."],
        ["Since when?", "I see. When did it begin?"],
        ["Since {day}.", "It began on {day}.", "On {day}, and it is not getting better."],
        ["Drink a lot of tea and stay in bed for {n} days.", "It is nothing serious. Rest, and it will pass.", "You should not carry heavy things for a while."],
        ["May I [go to school|work|go out]?", "When may I [go to school|work|go out] again?"],
        ["Not before {day}.", "On {day}, if you feel better."],
        ["Thank you, doctor.", "Then I will go home now."],
    ],
    "weather": [
        ["What a {fine} day!", "Have you looked outside?"],
        ["Yes, and in the night {weather}.", "My grandfather says that there will be rain.", "I hope so. I want to go to the {place}."],
        ["I do not mind. I have a new umbrella.", "Then we should stay at home.", "In {month} one never knows."],
        ["We could {do_something}.", "Let us wait until noon.", "It was worse last year."],
        ["Good idea!", "As you like."],
    ],
    "work": [
        ["Do you like your work as a {job}?", "Is it good to be a {job}?"],
        ["Most days. I have done it for {n} years.", "Yes, I would not want to do anything else."],
        ["Is it difficult?", "Was it hard to learn?"],
        ["It was at first. Now my hands know what to do.", "A little, but when people are {happy}, it is worth it."],
        ["Could I try it?", "I would like to learn that.", "I think I would be too [impatient|clumsy]."],
        ["Come on {day}, and I will show you.", "Everybody can learn it, if they have time."],
    ],
    "quarrel": [
        ["Where is my {thing}?", "Did you take my {thing}?"],
        ["I do not have it.", "I only borrowed it.", "Why do you always ask me?"],
        ["It was on the table this morning.", "I need it now."],
        ["Look under the {other}. There it is.", "Then look behind the {other}. I put it there."],
        ["Oh. I am sorry that I shouted.", "Thank you. Next time just ask."],
        ["I am sorry, too.", "It is all right."],
        ["Are we friends again?"],
        ["Always.", "Of course we are.", "Yes. Shall we share {treat}?"],
    ],
    "animal": [
        ["Look, there is a {kind}!", "Did you hear that? I think it was a {kind}.", "There is a {kind} in our garden."],
        ["Where? I do not see it.", "How small it is!", "Do not move, or it will run away."],
        ["Over there, next to the {room}.", "It is looking for something to eat.", "I think it is hurt."],
        ["Should we give it some {foods}?", "We must not touch it.", "Let us call {t}. {T.he} knows a lot about animals."],
        ["Good idea. I will stay here.", "No, wild animals find their own food.", "Now it is gone."],
        ["Perhaps it will come back tomorrow.", "I will draw a picture of it.", "What a pity."],
    ],
    "plans": [
        ["If you had a wish, what would it be?", "What do you dream of?"],
        ["I would like to be a {job}.", "I would like to see the {place} from a balloon.", "I would like a {thing} that is never lost."],
        ["Why?", "Really? I did not know that.", "That is a good wish."],
        ["Because it would make me {happy}.", "My {elder} always talks about it.", "I have dreamed of it since I was small."],
        ["And you?", "What about you?"],
        ["I want to {do_something} every day.", "I would like to learn how to {skill}.", "I do not know yet. There is still time."],
        ["Then we could do it together.", "You would be good at that."],
    ],
}
ACTIVITIES = ["fly kites", "build a hut", "go fishing", "bake bread", "look at the stars", "play cards", "make music", "collect shells", "paint the fence", "have a picnic",
              "row across the lake", "tell ghost stories", "climb the old tower", "feed the ducks", "plant a tree", "ride bicycles", "make a fire"]


def make(rng):
    slots = people.world(rng, False)
    stories.more_slots(slots, rng)
    slots["skill"] = rng.choice(stories.SKILLS)[0]
    slots.update(do_something=rng.choice(ACTIVITIES), body=rng.choice(["head", "knee", "back", "foot", "ear", "tooth", "shoulder", "hand", "neck"]),
                 n2=english.in_words(rng.randint(2, 12)))
    scene = SCENES[rng.choice(list(SCENES))]
    lines = [english.expand(rng.choice(beat), slots, rng) for beat in scene]
    speakers = [slots["h"], slots["f"]]
    if rng.random() < 0.5:
        return "\n".join(f"{speakers[i % 2]}: {line}" for i, line in enumerate(lines))
    said = []
    for i, line in enumerate(lines):
        if i < 2 or rng.random() < 0.4:
            verb = "asked" if line.endswith("?") else rng.choice(["said", "said", "answered" if i else "began", "called" if line.endswith("!") else "replied" if i else "said"])
            body = line[:-1] + "," if line.endswith(".") else line
            said.append(f"\"{body}\" {verb} {speakers[i % 2]}.")
        else:
            said.append(f"\"{line}\"")
    return "\n".join(said)
