#!/usr/bin/env python3
"""Makes the tokenizer fixture: varied strings with the token ids the reference tokenizer gives them.

    make_tokenizer_fixture.py TOKENIZER_JSON OUT_JSONL [COUNT]

The reference is the `tokenizers` package (Rust). tests/data/tokenizer/qwen3_rust.jsonl was made with version
0.23.2 from Qwen3's tokenizer.json (sha256 aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4).

Each line is {"text": string, "ids": [int]}, ids without any token the post-processor would add. A line also
has "decoded" when decoding the ids, special tokens kept, gives something else than the NFC form of the whole
text: added tokens are cut out before normalisation, so a combining mark after one composes differently.

Strings are drawn from a seeded generator and do not depend on the Python version, except that NFD forms and
the test for "decoded" use its Unicode tables.
"""

import hashlib
import json
import random
import sys
import unicodedata
from collections import Counter

import tokenizers

SEED = 20250911
COUNT = 20_000

SPECIALS = """<|endoftext|> <|im_start|> <|im_end|> <|object_ref_start|> <|box_end|> <|vision_start|> <|image_pad|>
<|video_pad|> <|fim_prefix|> <|fim_pad|> <|repo_name|> <|file_sep|> <tool_call> </tool_call> <tool_response>
</tool_response> <think> </think>""".split()

PHRASES = """The quick brown fox jumps over the lazy dog.|It isn't what you'd think, they've said.
ÆON façade naïve Ångström|Der Fluß fließt über große Steine.
L'été dernier, j'ai mangé une crème brûlée.|¿Dónde está el niño pequeño?
Não há pão amanhã.|Příliš žluťoučký kůň úpěl ďábelské ódy.|Zażółć gęślą jaźń.
Árvíztűrő tükörfúrógép|Þórður sér æði|İstanbul'da ığdır şişli
Tiếng Việt có nhiều dấu thanh.|Đường phố Hà Nội đông đúc.
Съешь ещё этих мягких французских булок.|Їжак їсть ґудзики.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.|ὦ ξεῖν’, ἀγγέλλειν Λακεδαιμονίοις|Բարեւ աշխարհ
გამარჯობა მსოფლიო|שָׁלוֹם עוֹלָם|שלום, מה נשמע?|مرحبا بالعالم كيف حالك؟
بِسْمِ اللَّهِ الرَّحْمَٰنِ|سلام دنیا، خوبی؟|یہ اردو ہے۔|नमस्ते दुनिया, कैसे हैं आप?
क्षत्रिय श्रृंखला|ওহে বিশ্ব কেমন আছ|ਸਤ ਸ੍ਰੀ ਅਕਾਲ|ગુજરાતી ભાષા|ଓଡ଼ିଆ ଭାଷା|வணக்கம் உலகம்
தமிழ் கோயில்|నమస్కారం ప్రపంచం|ಕನ್ನಡ ಕೋಶ|മലയാളം ലോകം|ආයුබෝවන් ලෝකය
สวัสดีชาวโลก วันนี้อากาศดี|ภาษาไทยง่ายนิดเดียว|ສະບາຍດີ ໂລກ|བོད་སྐད་ཡིག|မင်္ဂလာပါ ကမ္ဘာ
សួស្តី​ពិភពលោក|ሰላም ዓለም|ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ|ᓄᓇᕗᑦ|ᠮᠣᠩᠭᠣᠯ|你好,世界!今天天气怎么样?|深度学习模型的训练需要大量的数据。|繁體中文字與簡體中文字
「引號」《書名》……——|こんにちは世界。|カタカナとひらがな、漢字。|ﾊﾝｶｸｶﾀｶﾅ|日本語のテキストを分割する|안녕하세요 세계!|한국어 형태소 분석은 어렵다|ꯃꯤꯇꯩ
𐌷𐌰𐌹𐌻𐍃|𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝐛𝐨𝐥𝐝 𝑖𝑡|ＦＵＬＬ　ｗｉｄｔｈ　１２３|㍿㌔㎏ ①②③ Ⅷ ⅷ ½|ﬁﬂﬃ ﬅ ﬆ Ǆ ǅ ǆ""".replace("\n", "|").split("|")


def ranges(text):
    """Hexadecimal code points and ranges of them, as (first, last) pairs."""
    pairs = (item.partition("-") for item in text.split())
    return [(int(first, 16), int(last or first, 16)) for first, _, last in pairs]


# Letters of one script or a part of it, with its marks and a few gaps.
SCRIPTS = [[script] for script in ranges("""61-7A 41-5A C0-17F 180-24F 250-2FF 370-3FF 1F00-1FFF 400-52F
    531-58A 591-5F4 600-6FF 700-74F 780-7B1 900-97F 980-9FE A01-A76 A81-AFF B01-B77 B82-BFA C00-C7F C80-CF2
    D00-D7F D81-DF4 E01-E5B E81-EDF F00-FDA 1000-109F 10A0-10FF 1200-137C 13A0-13FD 1400-167F 1780-17F9
    1800-18AA 1E00-1EFF 3041-309F 30A0-30FF 3105-312F 4E00-9FFF 3400-4DBF A000-A48C A640-A69F AC00-D7A3
    FB00-FB4F FF21-FF5A FF66-FF9D 10330-1034A 10400-1044F 12000-1236E 13000-1342E 1D400-1D7FF 20000-2A6DF
    """)] + [ranges("4E00-5200 3041-3096")]

SPACES = [" ", " ", " ", "  ", "\t", "\n", "\r", "\r\n"] + [chr(c) for c, _ in ranges("""0B 0C 1C 1F 85 A0 1680
    180E 2000 2003 2007 2009 200A 200B 2028 2029 202F 205F 2060 3000 FEFF""")]

DIGITS = [(zero, zero + 9) for zero, _ in ranges("""30 30 660 6F0 7C0 966 9E6 BE6 E50 F20 1040 17E0 1810 A620
    FF10 104A0 1D7CE 1D7F6 1FBF0""")]
OTHER_NUMBERS = "²³¹¼½¾৴௰፩ᛮ⁰⁷₀₉⅐⅓ⅠⅫↀ①⑳⒈⓪❶〇〡㉑㊀㋿一二三百千万億零壹𐄇𐅀𐡘𒐀𝍠🄀🄋"

APOSTROPHES = ["'", "'", "'", "'", "\u2019", "\u02bc", "\uff07", "`", "´"]
SUFFIXES = """s t re ve m ll d S T RE VE M LL D Re rE Ve vE lL l v r st sS ss ß ẞ ſ ſ ſſ ſt ﬅ ﬆ ŧ ᵭ em K
    s\u0301 s\u0307 d\u0323 t\u0331 ｓ ѕ 1 ll've d've \u2113 S' s's t't""".split()

STARTERS = "aeiouyAEIOUnscdtlrkgzhNSCDTLZGαειουωηΑΩиеуАКгक़ऩबনਖ਼ଡக்ெෙကかきはヘウワאשܐ가각=<>→∈≤∥"
MARKS = ranges("""300-304 306-30C 30F 311 313 314 31B 323-325 327 328 32D 32E 330 331 338 340-345 34F 35C 363
    483 591 5B0 5BC 5C1 5C2 64B 651 653-655 670 93C 94D 9BC 9BE 9D7 B3E B56 BBE BD7 C56 CD5 D3E DCA DCF E38 E48
    EB8 F71 F72 F74 F80 102E 1AB0 1DC4 20D0 20E3 302A 3099 309A FB1E FE20 1D165 1D16D 110BA""")
# Characters that NFC replaces, never composes, or that sit next to such in the tables.
EXCLUDED = ranges("""958 95B 9DC A33 B5C F43 F73 F75 F81 2126 212A 212B 2ADC 340 374 37E 387 1F71 1FBB 1FEE 1FFD
    C5 1E9B 2000 2329 F900 FA0E FA10 FA2A FB1D FB2A FB4E 1D15E 1D1BB 2F800 2FA1D""")

PEOPLE = "👋🙏👍🤷🧑👩👨👧👦💃🏃🫱🫲🤝"
EMOJI = "😀😂🥹❤☺☀✈☎⚕♀♂⚖🎄🚀🔥🌈🏳🏴🐈⬛🦊🍎🧪💻🫠🪿🇦🆗🈁㊗™©‼⁉1️⃣#*0"

CODE = [
    "def {a}({b}, *, {c}=None):\n    return [{b}[i] for i in range({n}) if i % 2 == 0]\n",
    "for (int i = 0; i < {n}; ++i) {{\n\t{a}[i] += {b} * {c};\n}}\n",
    "#include <{a}>\r\nint main() {{ return {n}; }}\r\n",
    "if (!{a} && {b} != \"{c}\") {{ console.log(`{a}: ${{{b}}}`); }}",
    "SELECT {a}, COUNT(*) FROM {b} WHERE {c} >= {n};",
    '{{"{a}": [{n}, -1.5e-{n}, null, true], "{b}": {{"{c}": "\\u00e9\\n"}}}}',
    "<div class=\"{a}-{b}\"><p>{c}</p></div>\n\n", "$ {a} --{b}={c} | grep -v '^#' > /tmp/{a}.txt 2>&1",
    "let mut {a}: Vec<u{n}> = {b}.iter().map(|x| x.{c}()).collect();",
    "    # {a}: {b}\n\n\n        {c} = {n}  # noqa\n", "std::vector<std::pair<{a}, {b}>>{{}};//{c}",
    "\\frac{{{a}}}{{{b}_{{{n}}}}} \\leq \\sum_{{i=1}}^{n} x_i",
    "https://{a}.example.org/{b}?q={c}&n={n}#top", "{a}@{b}.com, {c}_{a}-{n}",
    "| {a} | {b} |\n|---|:--:|\n| {c} | {n} |", "/* {a} */ #define {b}(x) ((x)<<{n})\n",
    "{a}->{b}::{c}()!==={n}??[]",
]
WORDS = """the of value index tensor getName user_id HTTPServer camelCase snake_case x y foo bar token kernel
    state Matrix don't naive router expert layer gate norm hidden résumé größe данные 变量 数据 関数 변수 data io
    std self this null nullptr apple river winter mountain beautiful international understanding qwen BPE GPU
    antidisestablishmentarianism int32_t""".split()

# Cases whose meaning is worth reading; the rest is drawn at random.
FIXED = [
    # nothing, whitespace, contractions
    "", " ", "  ", "\n", "\r\n", "\t", "\0", "a", "a\0b", "\ufeffbom", "   leading", "trailing   ", "a  b   c    d",
    "a \n b", "a\n\n\n b", " \r\n \r\n x", "\u00a0\u00a0x", "x\u3000\u3000y", "\u2028\u2029", "!\n\n\n?", ".\r\n.",
    " !!\r\r", "'", "''", "'s", " 's", "'\u017f", "x'\u017fx", "it'\u017f IT'LL We'Ve",
    # added tokens, whole and broken
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n",
    "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>",
    "<|im_start|", "<|im_start|><|im_start|>", "< |im_start|>", "<|IM_START|>", "<think><think></think>",
    "<</think>>", "<|im_start|im_start|>", "<think>\u0338", "e<|im_end|>\u0301x", "<think\u226f", "<think\u0338>",
    # normalisation
    "\u1100\u1161\u11a8", "\u1100\u1161 \u11a8", "\uac00\u11a8", "\uac00\u11a7", "\u1112\u1175\u11c2",
    "\u1100\u0300\u1161", "e\u0301", "\u0301", "a\u0323\u0307", "a\u0307\u0323", "q\u0307\u0323", "a\u034f\u0301",
    "\u212b\u2126\u212a", "\u0958", "\u0344", "\u1e9b\u0323", "\u0b47\u0300\u0b3e", "\U0001d15e", "\U0002f800",
    # digits and unusual code points
    "1234567890", "3.14159", "１２３", "٠١٢٣", "x²", "\ufffd", "\ufffe\uffff", "\ue000", "\U000e0001\U000e0041",
    "\U0010ffff",
    # repeats, where merges of equal rank meet
    "a" * 300, " " * 300, "\n" * 120, "ab" * 120, "=" * 200, "é" * 100, "好" * 100, "e" + "\u0301" * 60, "0" * 100,
    "\U0001f600" * 40, "'" * 50, "'s" * 40,
]


class Generator:
    """Draws strings; every method after `any` is one kind of string."""

    def __init__(self, rng, vocabulary):
        self.r = rng
        self.pick = rng.choice
        self.integer = rng.randint
        self.vocabulary = vocabulary  # strings of the tokenizer's own tokens that are whole UTF-8
        rng.shuffle(self.vocabulary)
        self.next_token = 0
        self.weights = {
            self.words: 9, self.phrase: 10, self.code: 12, self.emoji: 6, self.whitespace: 8, self.numbers: 6,
            self.contractions: 7, self.specials: 7, self.partial_specials: 3, self.composing: 6, self.jamo: 4,
            self.any_code_point: 5, self.beyond_assigned: 2, self.controls: 3, self.long_word: 3,
            self.repeated: 3, self.own_tokens: 16, self.ascii_noise: 5, self.mixed: 12,
        }

    def any(self):
        """A string and the name of its kind."""
        kind = self.r.choices(list(self.weights), list(self.weights.values()))[0]
        return kind(), kind.__name__

    def times(self, low, high, make, joint=""):
        return joint.join(make() for _ in range(self.integer(low, high)))

    def point(self, choices):
        low, high = self.pick(choices)
        c = self.integer(low, high)
        return "\ufffd" if 0xD800 <= c <= 0xDFFF else chr(c)

    def word(self):
        script = self.pick(SCRIPTS)
        return self.times(1, 4, lambda: self.point(script))

    def words(self):
        script = self.pick(SCRIPTS)
        joint = self.pick([" ", " ", " ", ", ", ". ", "-", "\n", "\u3000", "\u200d", "'", "_"])
        return self.times(1, 5, lambda: self.times(1, 7, lambda: self.point(script)), joint)

    def phrase(self):
        text = self.pick(PHRASES)
        if self.r.random() < 0.5:
            start = self.r.randrange(len(text))
            text = text[start:start + self.integer(3, 40)]
        change = self.r.randrange(9)
        if change < 3:
            return (text.upper(), text.swapcase(), unicodedata.normalize("NFD", text))[change]
        if change == 3:
            return text.replace(" ", self.pick(SPACES))
        if change == 4:
            at = self.r.randrange(len(text) + 1)
            return text[:at] + self.pick(SPACES + SUFFIXES) + text[at:]
        if change == 5:
            return text + " " + self.pick(WORDS)
        return text

    def code(self):
        a, b, c = (self.pick(WORDS) for _ in range(3))
        text = self.pick(CODE).format(a=a, b=b, c=c, n=self.pick([0, 1, 8, 16, 32, 100, 4096, 65535]))
        if self.r.random() < 0.4:
            indent = self.pick(["\t", "\t\t", "  ", "    ", "        ", " \t"])
            text = indent + text.replace("\n", "\n" + indent)
        if self.r.random() < 0.25:
            start = self.r.randrange(len(text))
            text = text[start:start + self.integer(5, 80)]
        return text

    def emoji(self):
        def one():
            k = self.r.randrange(9)
            if k == 0:
                return self.pick(PEOPLE) + chr(self.integer(0x1F3FB, 0x1F3FF))
            if k == 1:
                return self.times(2, 4, lambda: self.pick(PEOPLE), "\u200d")
            if k == 2:
                return self.times(1, 3, lambda: chr(self.integer(0x1F1E6, 0x1F1FF)))
            if k == 3:
                letters = self.pick(["gbeng", "gbsct"])
                return "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in letters) + "\U000e007f"
            if k == 4:
                return self.pick("0123456789#*") + "\ufe0f\u20e3"
            if k == 5:
                return self.pick(EMOJI) + self.pick(["\ufe0f", "\ufe0e"])
            if k == 6:
                return chr(self.integer(0x1F300, 0x1FAFF))
            if k == 7:
                return self.pick(PEOPLE) + "\U0001f3fd\u200d" + self.pick("⚕⚖✈❤🔬🎨") + "\ufe0f"
            return self.pick(EMOJI)
        return self.times(1, 4, one, self.pick(["", "", " ", self.pick(WORDS)]))

    def whitespace(self):
        def run():
            if self.r.random() < 0.4:
                return self.pick(SPACES) * self.integer(1, 12)
            return self.times(1, 4, lambda: self.pick(SPACES))
        after = WORDS + ["", "", ".", "!", ")", "1", "你", "🙂"]
        pieces = self.times(1, 4, lambda: run() + self.pick(after))
        return pieces + (run() if self.r.random() < 0.5 else "")

    def numbers(self):
        def one():
            k = self.r.randrange(6)
            if k == 0:
                return str(self.r.randrange(10 ** self.integer(1, 12)))
            if k == 1:
                digits = [self.pick(DIGITS)]
                return self.times(1, 6, lambda: self.point(digits))
            if k == 2:
                return self.times(1, 4, lambda: self.pick(OTHER_NUMBERS))
            if k == 3:
                return f"{self.r.uniform(-1e4, 1e4):.{self.integer(0, 6)}f}"
            if k == 4:
                return hex(self.r.randrange(1 << 32)) + self.pick(["", "ull", "px", "%", "°C", "th", "€"])
            h, m, d, y = (self.r.randrange(n) for n in (24, 60, 28, 2100))
            return f"{h:02}:{m:02} {d + 1}/{m % 12 + 1}/{y}"
        return self.times(1, 3, one, self.pick([" ", ",", ", ", "", "\n", "-", "x", " + ", "\u00a0"]))

    def contractions(self):
        before = WORDS + ["I", "you", "WE", "она", "彼", "", "1", " ", "\n", "!", "é"]
        after = ["", "", "", "x", "1", "\u0301", "\n", "é"]
        make = lambda: self.pick(before) + self.pick(APOSTROPHES) + self.pick(SUFFIXES) + self.pick(after)
        return self.times(1, 3, make, self.pick([" ", " ", "", "\n"]))

    def specials(self):
        around = ["", "", "", " ", "  ", "\n", "\n\n", "\r\n", "\t", "\u0301", "\u0338", "\u00a0", "x", "'s",
                  "!", ">", "<", "|", "1", "你好", "\u11a8"]
        make = lambda: (self.pick(around) + self.pick(SPECIALS) + self.pick(around) +
                        self.pick(["", "", self.pick(WORDS), self.word()]))
        return self.times(1, 3, make)

    def partial_specials(self):
        def one():
            token = self.pick(SPECIALS)
            at = self.r.randrange(len(token))
            between = self.pick([" ", "\u200b", "\u0301", "x", "|", "\n"])
            return self.pick([token[:at], token[at:], token[:at] + between + token[at:], token.upper(),
                              token[:at] + token, token[:at] + token[at + 1:]])
        return self.times(1, 3, one, self.pick(["", "", " ", "a"]))

    def composing(self):
        mark = lambda: self.point(MARKS)
        latin_or_greek = ranges("C0-17F 1E00-1EFF 1F00-1FFF")

        def one():
            k = self.r.randrange(8)
            if k == 0:
                return self.point(EXCLUDED) + self.times(0, 2, mark)
            if k == 1:
                return unicodedata.normalize("NFD", self.point(ranges("C0-17F 1E00-1EFF 1F00-1FBC 400-4F9")))
            if k == 2:
                return self.point(latin_or_greek) + mark()
            if k == 3:
                return self.point(ranges("F900-FAFF 2F800-2FA1D 2E80-2FDF 2000-206F"))
            if k == 4:
                return self.pick(STARTERS) + self.times(1, 4, lambda: self.point(ranges("300-36F")))
            return self.pick(STARTERS) + self.times(1, 3, mark)
        return self.times(1, 4, one, self.pick(["", "", "", " ", "x"]))

    def jamo(self):
        def each(*texts):  # one code point of each
            return "".join(self.point(ranges(text)) for text in texts)

        def one():
            k = self.r.randrange(6)
            if k == 0:
                return unicodedata.normalize("NFD", each("AC00-D7A3"))
            if k == 1:
                return each("AC00-D7A3", "11A7-11C3")
            if k == 2:
                return each("1100-1112", "1161-1175")
            if k == 3:
                return self.times(1, 4, lambda: each("1100-11FF A960-A97C D7B0-D7FB 3131-318E"))
            if k == 4:
                return each("AC00-D7A3")
            return each("10FF-1113", "1160-1176", "11A6-11C4")
        return self.times(1, 4, one, self.pick(["", "", "", " ", "\u0301"]))

    def any_code_point(self):
        block = [self.pick(ranges("""0-FFFF 80-7FF 800-2FFF 2000-2BFF 3000-D7FF A000-ABFF F900-FFFF 10000-11FFF
            16800-16FFF 1B000-1BFFF 1D000-1FBFF 20000-323AF"""))]
        return self.times(1, 9, lambda: self.point(block), self.pick(["", "", "", " ", "a"]))

    def beyond_assigned(self):
        blocks = ranges("E000-F8FF F0000-10FFFF 40000-DFFFF FDD0-FDEF E0000-E01EF FFF0-FFFF 378-379 1FFF0-1FFFF")
        return self.times(1, 6, lambda: self.point(blocks), self.pick(["", "", " ", "a"]))

    def controls(self):
        named = ["\0", "\x1b[31m", "\x7f", "\u200e", "\u202e", "\u2066", "\u00ad", "\ufffc"]
        one = lambda: self.pick([self.point(ranges("0-1F 7F-9F"))] + named)
        return self.times(1, 5, lambda: one() + self.pick(["", "", "a", " ", "ok", "\n"]))

    def long_word(self):
        script = self.pick(SCRIPTS)
        return self.times(20, 70 if script[0][0] < 0x80 else 40, lambda: self.point(script))

    def repeated(self):
        one = self.pick(list("aAeénxz09 .,-=_*#/\\!?'\"()[]{}<>|~\n\t好のがаяا🙂\u0301\u200d") +
                        ["ab", "the", " a", "- ", "\r\n", "ha", "'s", "<|", "00", "\\n"])
        return one * self.integer(2, 40 if one.isascii() else 16)

    def own_tokens(self):
        """Tokens side by side; walks through the shuffled vocabulary so that as many as possible appear."""
        def one():
            self.next_token = (self.next_token + 1) % len(self.vocabulary)
            return self.vocabulary[self.next_token]
        return self.times(1, 24, one)

    def ascii_noise(self):
        return self.times(1, 120, lambda: self.point(ranges("20-7E 61-7A 20-2F")))

    def mixed(self):
        left_out = (self.mixed, self.long_word, self.beyond_assigned, self.any_code_point)
        kinds = [kind for kind in self.weights if kind not in left_out]
        pieces = []
        for _ in range(self.integer(2, 4)):
            piece = self.pick(kinds)()
            start = self.r.randrange(len(piece) + 1)
            pieces.append(piece[start:start + self.integer(1, 30)] or piece[:20])
        return self.pick(["", "", " ", "\n"]).join(pieces)


def whole_tokens(tokenizer):
    """The tokens that are valid UTF-8 by themselves, in id order."""
    strings = (tokenizer.decode([i], skip_special_tokens=False) for i in range(tokenizer.get_vocab_size()))
    return [s for s in strings if s and "\ufffd" not in s]


def main(argv):
    if len(argv) not in (3, 4):
        sys.exit(__doc__.split("\n\n")[1].strip())
    tokenizer = tokenizers.Tokenizer.from_file(argv[1])
    count = int(argv[3]) if len(argv) == 4 else COUNT
    generator = Generator(random.Random(SEED), whole_tokens(tokenizer))

    texts = dict.fromkeys(FIXED)  # keeps order, drops repeats
    kinds = Counter(fixed=len(texts))
    while len(texts) < count:
        text, kind = generator.any()
        if text not in texts:
            texts[text] = None
            kinds[kind] += 1

    characters = ids = decoded_differs = size = 0
    used = set()
    with open(argv[2], "w", encoding="ascii", newline="\n") as out:
        for text in texts:
            line = {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids}
            decoded = tokenizer.decode(line["ids"], skip_special_tokens=False)
            if decoded != unicodedata.normalize("NFC", text):
                line["decoded"] = decoded
                decoded_differs += 1
            size += out.write(json.dumps(line, ensure_ascii=True, separators=(",", ":")) + "\n")
            characters += len(text)
            ids += len(line["ids"])
            used.update(line["ids"])

    with open(argv[1], "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    python = f"Python {sys.version.split()[0]} with Unicode {unicodedata.unidata_version}"
    print(f"tokenizers {tokenizers.__version__}, {python}, tokenizer sha256 {digest}")
    print(f"{len(texts)} texts, {characters} characters, {ids} ids ({len(used)} distinct), "
          f"{decoded_differs} with decoded, {size} bytes")
    print(", ".join(f"{kind} {n}" for kind, n in kinds.items()))


if __name__ == "__main__":
    main(sys.argv)
