#!/usr/bin/env node
// Speed by number of threads: `qnext bench` for each, as a table and as a picture.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lineSvg } from './svg.mjs';

const usage = `usage: scaling.mjs MODEL [--threads N,N,...] [--plot OUT.svg] [--json OUT] [-- OPTIONS of qnext bench]
       scaling.mjs --from JSON [--plot OUT.svg]       what an earlier run wrote`;
const top = join(dirname(fileURLToPath(import.meta.url)), '..');
const split = process.argv.indexOf('--');
const ours = process.argv.slice(2, split < 0 ? undefined : split);
const theirs = split < 0 ? [] : process.argv.slice(split + 1);
const { values: options, positionals } = parseArgs({
  args: ours, allowPositionals: true,
  options: { threads: { type: 'string', default: '1,2' }, plot: { type: 'string' }, json: { type: 'string' },
             from: { type: 'string' }, help: { type: 'boolean' },
             qnext: { type: 'string', default: join(top, 'build', 'release', 'qnext') } },
});
if (options.help || positionals.length !== (options.from ? 0 : 1)) {
  console.error(usage);
  process.exit(options.help ? 0 : 2);
}

function bench(threads) {
  const args = ['bench', positionals[0], '--threads', threads, '--json', ...theirs];
  const result = spawnSync(options.qnext, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (result.status !== 0) process.exit(1);
  return JSON.parse(result.stdout);
}

const runs = options.from ? JSON.parse(readFileSync(options.from, 'utf8'))
                          : options.threads.split(',').map(bench);
if (options.json) writeFileSync(options.json, JSON.stringify(runs, null, 1) + '\n');

const title = ({ kind, tokens, depth, batch }) => `${kind} ${tokens} at ${depth}, batch ${batch}`;
const row = (cells) => console.log(`| ${cells.join(' | ')} |`);
row(['threads', 'reads GB/s', ...runs[0].rows.map((r) => `${title(r)}, tokens/s`)]);
row(['---', '---', ...runs[0].rows.map(() => '---')]);
for (const run of runs) {
  row([run.threads, run.machine.read_gb_per_s.toFixed(1), ...run.rows.map((r, i) => {
    const first = runs[0].rows[i].median_tokens_per_s;
    return `${r.median_tokens_per_s.toFixed(1)} (${(r.median_tokens_per_s / first).toFixed(2)} times, ` +
      `${(100 * r.share_of_roofline).toFixed(0)} % of roofline)`;
  })]);
}
if (options.plot) {
  const lines = runs[0].rows.flatMap((r, i) => {
    const points = (key) => runs.map((run) => [run.threads, run.rows[i][key] / runs[0].rows[i][key]]);
    return [{ label: title(r), points: points('median_tokens_per_s'), colour: i },
            { label: 'its roofline', points: points('roofline_tokens_per_s'), dashed: true, colour: i }];
  });
  writeFileSync(options.plot, lineSvg({
    title: `${basename(runs[0].model)}: speed by threads`, xLabel: 'threads', logarithmic: true,
    yLabel: `times that of ${runs[0].threads}`, lines }));
}
