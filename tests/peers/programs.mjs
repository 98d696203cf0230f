// The two programs that are compared, as functions.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from './metrics.mjs';

const here = dirname(fileURLToPath(import.meta.url));
export const top = join(here, '..', '..');

function call(program, args, input) {
  const result = spawnSync(program, args.map(String), { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(result.stderr.trim() || `${program} ended with ${result.status}`);
  return result.stdout;
}

export class Programs {
  constructor(build, work) {
    this.qnextPath = join(build, 'qnext');
    this.llamaPath = join(build, 'tests', 'peers', 'llama_peer');
    this.work = work;
    const bins = join(here, 'node_modules', '@node-llama-cpp', 'linux-x64', 'bins');
    this.libraries = join(bins, readdirSync(bins)[0]);
  }

  file(name) { return join(this.work, name); }
  json(name, value) {
    writeFileSync(this.file(name), JSON.stringify(value));
    return this.file(name);
  }
  qnext(...args) { return call(this.qnextPath, args); }
  llama(...args) { return call(this.llamaPath, [this.libraries, ...args]); }

  // One {rows, width, data} for each list of ids.
  qnextLogits(model, sequences, activations = 'f32') {
    return sequences.map((ids) => {
      const out = this.file('rows.safetensors');
      this.qnext('logits', model, '--tokens', this.json('ids.json', ids), '-o', out, '--activations', activations);
      return readSafetensors(out).logits;
    });
  }
  llamaLogits(model, sequences) {
    const out = this.file('rows.safetensors');
    this.llama('logits', model, this.json('ids.json', { ...sequences }), out);
    const tensors = readSafetensors(out);
    return sequences.map((_, i) => tensors[i]);
  }
  // The rows that llama.cpp chose its greedy tokens from.
  llamaGenerate(model, prompts, steps) {
    const out = this.file('rows.safetensors');
    this.llama('generate', model, this.json('ids.json', { ...prompts }), out, steps);
    const tensors = readSafetensors(out);
    return prompts.map((_, i) => tensors[i]);
  }
  qnextGenerate(model, prompt, steps) {
    const ids = this.json('ids.json', prompt);
    return JSON.parse(this.qnext('generate-ids', model, '--tokens', ids, '-n', steps, '--temp', 0,
      '--ignore-eos', '--json')).tokens;
  }
  chatTokens(model, user) {
    const messages = this.json('messages.json', [{ role: 'user', content: user }]);
    const text = this.qnext('template', model, '--messages', messages);
    return JSON.parse(call(this.qnextPath, ['tokenize', model], JSON.stringify(text) + '\n'));
  }

  convert(model, out, type) {
    this.qnext('convert', model, '-o', this.file(out), '--type', type);
    return this.file(out);
  }
  quantize(model, out, type) {
    this.qnext('quantize', model, '-o', this.file(out), '--type', type);
    return this.file(out);
  }
  llamaQuantize(model, out, fileType) {
    this.llama('quantize', model, this.file(out), fileType);
    return this.file(out);
  }
  sameTensors(a, b) {
    try {
      call(this.llamaPath, ['-', 'same', a, b]);
      return true;
    } catch (error) {
      console.log(error.message);
      return false;
    }
  }
  size(path) { return statSync(path).size; }
}
