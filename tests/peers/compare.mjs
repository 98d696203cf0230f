#!/usr/bin/env node
// qnext against llama.cpp: files, answers, and what quantisation costs. README.md says what is compared.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { argmax, margin, meanAndError, row, score, topProbabilityDifference } from './metrics.mjs';
import { Programs, top } from './programs.mjs';

// The bounds; README.md has the reasons.
const kTopProbability = 1e-3;  // greedy steps on the F32 file
const kSameArithmetic = 5e-4;  // relative L2 of a row where both compute in float32
const kOtherExperts = 0.02;    // share of rows that may be further apart: a tie of experts broken otherwise
const kOwnArithmetic = 0.1;    // relative L2 of the middle row where llama.cpp rounds activations to 8 bits
const kSteps = 64;

const kTypes = {  // general.file_type
  q8_0: 7, q6_k: 18, q5_1: 9, q5_k_m: 17, q5_k: 16, q5_0: 8, q4_1: 3, q4_k_m: 15, q4_k: 14, iq4_nl: 25,
  q4_0: 2, bf16: 32, f16: 1, f32: 0,
};
const kMorePrompts = ['Tell me a story about Leo and a fox.', 'What is 91 - 17?',
  'Repeat these words in reverse order: key, lamp, bread.', 'How many words are in this list: bell, plum, crow?'];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    build: { type: 'string', default: join(top, 'build', 'release') },
    json: { type: 'string' }, windows: { type: 'string', default: '20' }, types: { type: 'string' },
    only: { type: 'string', default: 'answers,shapes,types' },
  },
});
if (positionals.length !== 1) {
  console.error('usage: compare.mjs MODEL [--json OUT] [--windows N] [--types A,B] [--only answers,shapes,types]');
  process.exit(2);
}
const model = positionals[0];
const work = mkdtempSync(join(tmpdir(), 'qnext-peers-'));
process.on('exit', () => rmSync(work, { recursive: true }));
const p = new Programs(options.build, work);
let failures = 0;

function check(ok, line) {
  failures += !ok;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${line}`);
  return ok;
}

// Always the same ids, for models that come without text.
function randomIds(count, vocab, seed) {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * vocab);
  });
}

function texts(f32) {
  const vocab = p.llamaLogits(f32, [[1]])[0].width;
  const golden = join(model, 'golden.json');
  if (!existsSync(golden) || !existsSync(join(model, 'tokenizer.json'))) {
    return { prompts: Array.from({ length: 10 }, (_, i) => randomIds(24, vocab, i + 1)),
             heldout: Array.from({ length: 40 }, (_, i) => randomIds(256, vocab, i + 101)) };
  }
  const { greedy, heldout } = JSON.parse(readFileSync(golden));
  return { prompts: [...Object.values(greedy).map((g) => g.prompt),
                     ...kMorePrompts.map((user) => p.chatTokens(model, user))], heldout: heldout.tokens };
}

// Greedy answers and the probabilities behind each token.
function answers(f32, prompts) {
  const theirs = p.llamaGenerate(f32, prompts, kSteps);
  return prompts.map((prompt, i) => {
    const tokens = p.qnextGenerate(f32, prompt, kSteps);
    const rows = p.qnextLogits(f32, [[...prompt, ...tokens.slice(0, -1)]])[0];
    let equal = 0;
    while (equal < kSteps && argmax(row(theirs[i], equal)) === tokens[equal]) ++equal;
    let worst = 0, smallest = Infinity;
    for (let s = 0; s < equal; ++s) {
      const ours = row(rows, prompt.length - 1 + s);
      worst = Math.max(worst, topProbabilityDifference(ours, row(theirs[i], s), 10));
      smallest = Math.min(smallest, margin(ours));
    }
    check(equal === kSteps && worst < kTopProbability,
      `prompt ${i}: ${equal} of ${kSteps} greedy tokens equal, top-10 probabilities within ` +
      `${worst.toExponential(1)}, smallest margin ${smallest.toFixed(4)}`);
    return { equal, steps: kSteps, topProbability: worst, smallestMargin: smallest };
  });
}

// The fixtures, converted to F32. Some of the variants are beyond llama.cpp, which wants experts in all layers,
// normalised routing and one width of keys and values in linear attention; they get that.
function shapes() {
  const golden = join(top, 'tests', 'data', 'golden');
  const models = { tiny: join(golden, 'tiny'), 'tiny-fp8': join(golden, 'tiny-fp8') };
  for (const name of ['variant-tied', 'variant-wide', 'variant-yarn']) {
    const config = JSON.parse(readFileSync(join(golden, name, 'config.json')));
    config.linear_value_head_dim = config.linear_key_head_dim;
    Object.assign(config, { mlp_only_layers: [], decoder_sparse_step: 1, norm_topk_prob: true });
    models[name] = 'synth:' + p.json(`${name}.json`, config);
  }
  return Object.entries(models).map(([name, from]) => {
    const result = { name };
    try {
      const f32 = p.convert(from, 'shape.gguf', 'f32');
      const vocab = p.llamaLogits(f32, [[1]])[0].width;
      const windows = [1, 2, 3].map((seed) => randomIds(96, vocab, seed));
      const s = score(p.qnextLogits(from, windows), p.llamaLogits(f32, windows), windows);
      result.relative = s.relativeWorst;
      check(s.relativeWorst < kSameArithmetic, `${name}: logits differ by ${s.relativeWorst.toExponential(1)}`);
    } catch (error) {
      result.error = error.message;
      console.log(`--   ${name}: ${error.message}`);
    }
    return result;
  });
}

// Everything about one file: both programs' logits; whether they decode it to the same F32 values; and
// llama.cpp's logits of these, which is its reading of the file with float32 arithmetic.
function evaluate(path, reference, windows) {
  const decoded = p.llamaQuantize(path, 'decoded.gguf', kTypes.f32);
  const sameTensors = p.sameTensors(decoded, p.quantize(path, 'decoded-by-qnext.gguf', 'f32'));
  const qnext = p.qnextLogits(path, windows), llama = p.llamaLogits(path, windows);
  return { bytes: p.size(path), inQnext: score(reference, qnext, windows), sameTensors,
           rounded: score(reference, p.qnextLogits(path, windows, 'int8'), windows),
           inLlama: score(reference, llama, windows), apart: score(qnext, llama, windows),
           decodedApart: score(qnext, p.llamaLogits(decoded, windows), windows, kSameArithmetic) };
}

function readAlike(label, file) {
  const { decodedApart: d, apart: a } = file;
  check(file.sameTensors && d.relativeMedian < kSameArithmetic && d.shareAbove <= kOtherExperts &&
    a.relativeMedian < kOwnArithmetic,
    `${label}: ${file.sameTensors ? 'the same' : 'other'} values, logits ${d.relativeMedian.toExponential(1)} ` +
    `(worst row ${d.relativeWorst.toExponential(1)}), with llama.cpp's rounding of activations ` +
    `${a.relativeMedian.toExponential(1)}, KL ${a.kl.mean.toExponential(1)}`);
  const more = meanAndError(file.rounded.klByWindow.map((v, i) => v - file.inLlama.klByWindow[i]));
  check(more.mean <= 2 * more.error, `${label}: both round activations: KL ${file.rounded.kl.mean.toExponential(3)} ` +
    `in qnext, ${file.inLlama.kl.mean.toExponential(3)} in llama.cpp, difference ${more.mean.toExponential(1)} ` +
    `+- ${more.error.toExponential(1)}`);
}

function compareType(type, f32, reference, windows) {
  const ours = evaluate(p.quantize(f32, 'ours.gguf', type), reference, windows);
  const theirs = evaluate(p.llamaQuantize(f32, 'theirs.gguf', kTypes[type]), reference, windows);
  readAlike(`${type} by qnext`, ours);
  readAlike(`${type} by llama.cpp`, theirs);
  const difference = meanAndError(ours.inQnext.klByWindow.map((v, i) => v - theirs.inQnext.klByWindow[i]));
  check(difference.mean <= 2 * difference.error && ours.bytes <= 1.001 * theirs.bytes,
    `${type}: KL ${ours.inQnext.kl.mean.toExponential(3)} by qnext, ${theirs.inQnext.kl.mean.toExponential(3)} ` +
    `by llama.cpp, difference ${difference.mean.toExponential(1)} +- ${difference.error.toExponential(1)}`);
  return { type, ours, theirs, difference };
}

const kl = (s) => `${s.kl.mean.toExponential(2)} ± ${s.kl.error.toExponential(0)}`;
function printTable(rows, reference) {
  console.log(`\nfloat32: perplexity ${reference.perplexity.toFixed(4)}, nll ${reference.nll.toFixed(5)}`);
  console.log('| type | MB | llama.cpp MB | KL | rounded | llama.cpp\'s file | rounded | llama.cpp runs its own | nll | llama.cpp\'s file | same first |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const { type, ours, theirs } of rows) {
    console.log(`| ${type} | ${(ours.bytes / 1e6).toFixed(2)} | ${(theirs.bytes / 1e6).toFixed(2)} | ` +
      `${kl(ours.inQnext)} | ${kl(ours.rounded)} | ${kl(theirs.inQnext)} | ${kl(theirs.rounded)} | ${kl(theirs.inLlama)} | ${ours.inQnext.nll.toFixed(5)} | ` +
      `${theirs.inQnext.nll.toFixed(5)} | ${(100 * ours.inQnext.sameTop).toFixed(1)} % |`);
  }
}

const parts = options.only.split(',');
const report = { model };
const f32 = p.convert(model, 'f32.gguf', 'f32');
const { prompts, heldout } = texts(f32);
if (parts.includes('answers')) report.answers = answers(f32, prompts);
if (parts.includes('shapes')) report.shapes = shapes();
if (parts.includes('types')) {
  const windows = heldout.slice(0, Number(options.windows));
  const reference = p.qnextLogits(f32, windows);
  report.reference = score(reference, reference, windows);
  const types = options.types ? options.types.split(',') : Object.keys(kTypes).filter((type) => type !== 'f32');
  report.types = types.map((type) => compareType(type, f32, reference, windows));
  printTable(report.types, report.reference);
}
report.failures = failures;
if (options.json) writeFileSync(options.json, JSON.stringify(report, null, 1) + '\n');
console.log(failures ? `\n${failures} failed` : '\nall agree');
process.exitCode = failures ? 1 : 0;
