#!/usr/bin/env node
// qnext's speed against llama.cpp's and ik_llama.cpp's on the same files. docs/benchmarks.md has the method.
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { programs, quiet, top } from './processes.mjs';
import { compared, speedTable, spread, startTable } from './report.mjs';

const kWarmUp = 512;       // tokens: enough for nearly every expert to be touched
const kFirstPrompt = 16;   // tokens before the first one of a start
const kFirstContext = 2048;

const usage = `usage: compare.mjs MODEL.gguf... [options]
  --lengths N,N     prompts; standard 512,2048, 0 for none
  --depths N,N      what stands before generated tokens; standard 0,4096,16384, empty for none
  --generate N      tokens generated; standard 64
  --threads N       standard 2
  --repeat N        pairs of each case; standard 5
  --patience S      waits up to S seconds before each pair until nothing else runs; standard 0
  --starts N        starts of each program; standard 3, 0 for none
  --ik FOLDER       a build of ik_llama.cpp; --ik-repack 0 without its run-time repacking
  --no-llama        leaves llama.cpp out
  --llama-cpu NAME  llama.cpp's library for that kind of processor, such as haswell (AVX2), instead of the best
  --piece N         qnext's most tokens of a step; standard 1024
  --kv-type TYPE    qnext's cache; standard bf16, as wide as the others'
  --activations TYPE, --isa NAME   as of qnext; standard int8, the best
  --json OUT        all numbers
  --build FOLDER    standard build/release`;

const standard = (value) => ({ type: 'string', default: value });
const { values: options, positionals: models } = parseArgs({
  allowPositionals: true,
  options: {
    lengths: standard('512,2048'), depths: standard('0,4096,16384'), generate: standard('64'),
    threads: standard('2'), repeat: standard('5'), starts: standard('3'), patience: standard('0'), ik: { type: 'string' },
    'ik-repack': standard('1'), 'no-llama': { type: 'boolean' }, 'llama-cpu': { type: 'string' },
    piece: standard('1024'),
    'kv-type': standard('bf16'), activations: standard('int8'), isa: { type: 'string' },
    json: { type: 'string' },
    build: standard(join(top, 'build', 'release')), help: { type: 'boolean' },
  },
});
if (options.help || models.length === 0) {
  console.error(usage);
  process.exit(options.help ? 0 : 2);
}
const numbers = (text) => text.split(',').filter((s) => s !== '').map(Number);
const lengths = numbers(options.lengths).filter((n) => n > 0), depths = numbers(options.depths);
const generate = Number(options.generate), repeat = Number(options.repeat), starts = Number(options.starts);
const context = Math.max(kWarmUp, 0, ...lengths, ...depths.map((d) => d + (repeat + 2) * generate));
const work = mkdtempSync(join(tmpdir(), 'qnext-bench-'));
process.on('exit', () => rmSync(work, { recursive: true }));
const all = programs(options, work);

const cases = [...lengths.map((tokens) => ({ kind: 'prefill', tokens, depth: 0 })),
               ...depths.map((depth) => ({ kind: 'decode', tokens: generate, depth }))];

async function inPageCache(file) {
  for await (const part of createReadStream(file, { highWaterMark: 1 << 22 })) void part;
}

// One of the things that are compared: a process, in one of its settings.
class Contestant {
  constructor(program, setting, line, running) {
    Object.assign(this, { program, setting, line, running });
  }
  async choose() { if (this.line) await this.running.ask(this.line); }
  async goTo(depth) {
    await this.choose();
    await this.running.ask(`depth ${depth}`);
  }
  // Tokens per second from where it stands.
  async run({ kind, tokens }) {
    await this.choose();
    return tokens / await this.running.ask(`${kind} ${tokens}`);
  }
}

// One pair: qnext and the peer one right after the other, in turns first. Neither has to begin again between
// tokens at a depth: both move on by the same tokens from pair to pair.
async function pair(what, qnext, peer, qnextFirst) {
  await quiet(Number(options.patience));
  const result = { disturbed: 0 };
  for (const who of qnextFirst ? [qnext, peer] : [peer, qnext]) {
    if (what.depth === 0) await who.goTo(0);
    else if (who === qnext) await who.running.ask('rewind');
    result[who === qnext ? 'qnext' : 'peer'] = await who.run(what);
    result.disturbed = Math.max(result.disturbed, who.running.disturbed);
  }
  return result;
}

async function measure(what, [qnext, ...peers]) {
  for (const who of [qnext, ...peers]) await who.goTo(what.depth);
  const rounds = peers.map(() => []), bandwidth = [];
  for (let i = 0; i < repeat; ++i) {
    if (what.depth > 0) await qnext.running.ask('mark');
    bandwidth.push(await qnext.running.ask('bandwidth'));
    for (const [at, peer] of peers.entries()) rounds[at].push(await pair(what, qnext, peer, i % 2 === 0));
  }
  bandwidth.push(await qnext.running.ask('bandwidth'));
  const bytes = await qnext.running.ask(`bytes ${what.kind === 'prefill' ? what.tokens : 1} ${what.depth}`);
  const result = { ...what, bytesPerToken: bytes, bandwidth: { ...spread(bandwidth), all: bandwidth }, peers: {} };
  for (const [at, peer] of peers.entries()) {
    result.peers[peer.setting] = { program: peer.program, ...compared(rounds[at]) };
  }
  const speeds = Object.values(result.peers).flatMap((p) => p.rounds.map((r) => r.qnext));
  result.shareOfBandwidth = spread(speeds).median * bytes / 1e9 / result.bandwidth.median;
  return result;
}

async function speeds(model) {
  const contestants = [];
  for (const program of all) {
    const running = await program.start(model, context).ready();
    if (program === all[0]) await running.ask('load');
    for (const [setting, line] of Object.entries(program.settings)) {
      const contestant = new Contestant(program.name, setting, line, running);
      await contestant.goTo(kWarmUp);
      contestants.push(contestant);
    }
  }
  const results = [];
  for (const what of cases) {
    results.push(await measure(what, contestants));
    console.error(`${basename(model)}: ${results.length} of ${cases.length} cases`);
  }
  for (const running of new Set(contestants.map((c) => c.running))) await running.end();
  return results;
}

// From the start of a process to the logits after a short prompt, with the file in the page cache.
async function measureStarts(model) {
  await inPageCache(model);
  await quiet(Number(options.patience));
  const found = Object.fromEntries(all.map(({ name }) => [name, []]));
  for (let i = 0; i < starts; ++i) {
    for (const program of all) {
      const running = await program.start(model, kFirstContext).ready();
      await running.ask(`prefill ${kFirstPrompt}`);
      found[program.name].push({ seconds: (performance.now() - running.started) / 1000, ...running.memory() });
      await running.end();
    }
  }
  const of = (list, key) => spread(list.map((s) => s[key]));
  return Object.fromEntries(Object.entries(found).map(([name, list]) => [name,
    { seconds: of(list, 'seconds'), peak: of(list, 'peak'), anonymous: of(list, 'anonymous') }]));
}

const report = { options, models: [] };
for (const model of models) {
  console.log(`\n## ${basename(model)}`);
  const entry = { model: basename(model), results: cases.length ? await speeds(model) : [] };
  if (cases.length) console.log(speedTable(entry.results, all.slice(1).map((program) => program.name)));
  if (starts > 0) {
    entry.starts = await measureStarts(model);
    console.log('\n' + startTable(entry.starts));
  }
  report.models.push(entry);
  if (options.json) writeFileSync(options.json, JSON.stringify(report, null, 1) + '\n');
}
