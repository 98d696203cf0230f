// The programs that are compared, each in a process that keeps its model (peer_server.h has the protocol).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const kTicksPerSecond = 100;  // of /proc
const here = dirname(fileURLToPath(import.meta.url));
export const top = join(here, '..', '..');

function busyTicks() {
  const all = readFileSync('/proc/stat', 'utf8').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
  const [user, nice, system, , , irq, softirq, steal] = all;
  return user + nice + system + irq + softirq + steal;
}

// Waits until nothing else uses processors, but no longer than `seconds`. All peers are stopped meanwhile.
export async function quiet(seconds) {
  const kLook = 500, kIdle = 0.1, end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    const before = busyTicks(), start = performance.now();
    await new Promise((resolve) => { setTimeout(resolve, kLook); });
    if ((busyTicks() - before) / kTicksPerSecond < kIdle * (performance.now() - start) / 1000) return;
  }
}

// A stopped process would outlive a driver that fails.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

// A running peer. It is stopped by the system while it is not asked anything: llama.cpp's threads go on
// polling for a while after a step, and would take processors from the one that is measured.
export class Process {
  constructor(command, args, environment = {}) {
    this.name = command;
    this.started = performance.now();
    this.child = spawn(command, args.map(String),
      { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...environment } });
    running.add(this.child);
    this.child.on('exit', () => running.delete(this.child));
    this.lines = [];
    this.waiting = null;
    const give = (line) => {
      if (this.waiting) this.waiting(line);
      else this.lines.push(line);
      this.waiting = null;
    };
    createInterface({ input: this.child.stdout }).on('line', give);
    this.child.on('exit', () => give('error it ended'));
    this.child.on('error', (error) => give(`error ${error.message}`));
  }

  next() {
    if (this.lines.length) return Promise.resolve(this.lines.shift());
    return new Promise((resolve) => { this.waiting = resolve; });
  }
  async ready() {
    const line = await this.next();
    if (line !== 'ready') throw new Error(`${this.name}: ${line}`);
    this.child.kill('SIGSTOP');
    return this;
  }

  // The answer's number, if it has one. `disturbed` becomes the processors that others used meanwhile.
  async ask(line) {
    const before = this.processorTimes(), start = performance.now();
    this.child.kill('SIGCONT');
    this.child.stdin.write(line + '\n');
    const [kind, ...rest] = (await this.next()).split(' ');
    this.child.kill('SIGSTOP');
    if (kind !== 'error') {
      const after = this.processorTimes(), ticks = (performance.now() - start) / 1000 * kTicksPerSecond;
      this.disturbed = Math.max(0, (after.all - before.all - (after.own - before.own)) / ticks);
    }
    if (kind === 'error') throw new Error(`${this.name}: ${line}: ${rest.join(' ')}`);
    return Number(rest[0]);
  }

  // Ticks that all processors and that the peer has worked, or that the host has taken away.
  processorTimes() {
    const own = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1].split(' ').map(Number);
    return { all: busyTicks(), own: own[11] + own[12] };
  }

  // Bytes: the most that was resident, and what is resident now that is no part of a file.
  memory() {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    const field = (name) => 1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(status)[1]);
    return { peak: field('VmHWM'), anonymous: field('RssAnon') };
  }
  async end() {
    const ended = new Promise((resolve) => { this.child.once('exit', resolve); });
    if (this.child.exitCode !== null) return;
    this.child.kill('SIGCONT');
    this.child.stdin.end('quit\n');
    await ended;
  }
}

// Compiles the peer for a build of ik_llama.cpp against the headers that it was built from.
function buildIk(folder, out) {
  const cache = readFileSync(join(folder, 'CMakeCache.txt'), 'utf8');
  const source = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(cache)[1];
  const libraries = [join(folder, 'src'), join(folder, 'ggml', 'src')];
  const program = join(out, 'ik_peer');
  const args = ['-std=c++20', '-O2', join(here, 'ik_peer.cc'), '-o', program, `-I${here}`,
    `-I${join(top, 'src')}`, `-I${join(source, 'include')}`, `-I${join(source, 'ggml', 'include')}`,
    ...libraries.flatMap((path) => [`-L${path}`, `-Wl,-rpath,${path}`]), '-lllama', '-lggml'];
  const result = spawnSync(process.env.CXX ?? 'c++', args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(result.stderr);
  return program;
}

// With `processor`, a folder in which llama.cpp finds only its library for that kind of processor.
function llamaFolder(processor, work) {
  const bins = join(top, 'tests', 'peers', 'node_modules', '@node-llama-cpp', 'linux-x64', 'bins');
  if (!existsSync(bins)) throw new Error('llama.cpp is missing: (cd tests/peers && npm ci --ignore-scripts)');
  const all = join(bins, readdirSync(bins)[0]);
  if (!processor) return all;
  const prefix = 'libggml-cpu-', wanted = `${prefix}${processor}.so`, files = readdirSync(all);
  if (!files.includes(wanted)) {
    const known = files.filter((f) => f.startsWith(prefix)).map((f) => f.slice(prefix.length, -'.so'.length));
    throw new Error(`--llama-cpu ${processor}: llama.cpp has ${known.join(', ')}`);
  }
  const some = join(work, 'llama');
  mkdirSync(some);
  for (const file of files) {
    if (!file.startsWith(prefix) || file === wanted) symlinkSync(join(all, file), join(some, file));
  }
  return some;
}

// A peer that is older than the code would be measured in its stead.
function buildPeers(build, targets) {
  const result = spawnSync('cmake', ['--build', build, '--target', ...targets], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${build}: ${result.error ?? result.stdout + result.stderr}`);
}

// How to start each program: {name, start(model, context)}. `settings` are lines to choose between, each a
// contestant of its own.
export function programs(options, work) {
  const { build, threads } = options;
  buildPeers(build, options['no-llama'] ? ['qnext_peer'] : ['qnext_peer', 'llama_bench_peer']);
  const more = ['piece', 'kv-type', 'activations', 'isa'].filter((name) => options[name])
    .map((name) => `${name}=${options[name]}`);
  const list = [{
    name: 'qnext', settings: { qnext: null },
    start: (model, context) => new Process(join(build, 'bench', 'peers', 'qnext_peer'),
      [model, `threads=${threads}`, `context=${context}`, ...more]),
  }];
  if (!options['no-llama']) {
    const folder = llamaFolder(options['llama-cpu'], work);
    list.push({
      name: 'llama.cpp', settings: { 'llama.cpp': 'flash off', 'llama.cpp flash': 'flash on' },
      start: (model, context) => new Process(join(build, 'bench', 'peers', 'llama_bench_peer'),
        [folder, model, threads, context]),
    });
  }
  if (options.ik) {
    const program = buildIk(options.ik, work);
    list.push({
      name: 'ik_llama.cpp', settings: { 'ik_llama.cpp': null },
      start: (model, context) => new Process(program, [model, threads, context, options['ik-repack']],
        { OMP_NUM_THREADS: String(threads) }),
    });
  }
  return list;
}
