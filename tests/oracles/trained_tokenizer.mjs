// Trains tokenizers with `qnext train-tokenizer` and compares the ids that qnext and @huggingface/tokenizers give with
// them, for the texts of the tokenizer fixture and for odd ones; and what both make of the ids.
//
//   node trained_tokenizer.mjs QNEXT [--modules DIR]                  QNEXT is the program
//
// Exit status 1 when they differ.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const args = process.argv.slice(2);
const program = args[0];
if (!program || program.startsWith("--")) {
  console.error("usage: node trained_tokenizer.mjs QNEXT [--modules DIR]");
  process.exit(2);
}
const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.resolve(args.includes("--modules") ? args[args.indexOf("--modules") + 1] : path.join(here, "node_modules"));
const { Tokenizer } = createRequire(path.join(modules, "x.js"))("@huggingface/tokenizers");

const fixture = fs.readFileSync(path.join(here, "../data/tokenizer/qwen3_rust.jsonl"), "utf8");
const texts = fixture.trimEnd().split("\n").map((line) => JSON.parse(line).text);
const odd = [
  "", " ", "\n", "\r\n\r\n  x", "\t\ttabs", "a  b   c    ", "'s 'S 'LL don't", "1234567890", "x1y2", "\u0000\u0001",
  "<|im_start|>user\nhi<|im_end|>\n", "<|im_start", "|im_end|>", "<tool_call>{\"name\": \"f\"}</tool_call>",
  "<tool_response>\n", "<|mask|><|mask|>", "caf\u00e9 cafe\u0301", "\u1e9b\u0323", "\u212b", "\uac00\u11a8", "e\u0301\u0327",
  "\u4f60\u597d\u4e16\u754c", "\u0645\u0631\u062d\u0628\u0627", "\ud83d\udc68\u200d\ud83d\udc69\u200d\ud83d\udc67", "\ufeffbom", "\u00a0nbsp\u3000",
  "\u0120\u010a", "x".repeat(1000), " ".repeat(100), "ab".repeat(500) + "\n".repeat(50), "...!!!???\n\n", "$100,000.00",
];

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "trained-tokenizer-"));
let different = 0;

function train(name, source, size) {
  const input = path.join(scratch, name);
  fs.writeFileSync(input, source);
  const folder = path.join(scratch, name + ".tokenizer");
  execFileSync(program, ["train-tokenizer", input, "-o", folder, "--vocab-size", String(size), "--special", "<|mask|>"]);
  return folder;
}

function qnext(folder, values, ...options) {
  const input = values.map((value) => JSON.stringify(value)).join("\n") + "\n";
  const output = execFileSync(program, ["tokenize", folder, ...options], { input, maxBuffer: 1 << 28, encoding: "utf8" });
  return output.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function compare(name, source, size) {
  const folder = train(name, source, size);
  const read = (file) => JSON.parse(fs.readFileSync(path.join(folder, file), "utf8"));
  const port = new Tokenizer(read("tokenizer.json"), read("tokenizer_config.json"));
  const all = odd.concat(texts);
  const ours = qnext(folder, all);
  const decoded = qnext(folder, ours, "--decode");
  let count = 0, wrong = 0;
  all.forEach((text, i) => {
    const theirs = port.encode(text, { add_special_tokens: false }).ids;
    count += theirs.length;
    const back = theirs.length ? port.decode(theirs, { skip_special_tokens: false, clean_up_tokenization_spaces: false }) : "";
    if (JSON.stringify(theirs) === JSON.stringify(ours[i]) && back === decoded[i]) return;
    if (++wrong <= 10) console.log(`${name}: ${JSON.stringify(text)}\n  qnext ${JSON.stringify(ours[i])}\n  port  ${JSON.stringify(theirs)}`);
  });
  different += wrong;
  console.log(`${name}, ${Object.keys(read("tokenizer.json").model.vocab).length} learnt tokens: ${all.length} texts, ${count} ids, ${wrong} differ`);
}

compare("some.txt", texts.slice(0, 3000).join("\n"), 2000);
compare("lines.jsonl", texts.map((text) => JSON.stringify({ text })).join("\n"), 20000);
compare("little.txt", "a little text, and a little more text", 300);
fs.rmSync(scratch, { recursive: true });
process.exit(different ? 1 : 0);
