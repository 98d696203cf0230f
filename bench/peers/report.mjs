// Numbers of a comparison, and how they are shown.
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b), n = sorted.length;
  return { median: (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2, min: sorted[0], max: sorted[n - 1] };
}

// Rounds are lists of {qnext, peer} in tokens/s, measured one right after the other, and of how many
// processors others used during the worse of both.
export function compared(rounds) {
  return { qnext: spread(rounds.map((r) => r.qnext)), peer: spread(rounds.map((r) => r.peer)),
           ratio: spread(rounds.map((r) => r.qnext / r.peer)), rounds };
}

const speed = (value) => value.toFixed(value < 100 ? 1 : 0);
const ratio = (r) => `${r.median.toFixed(2)} (${r.min.toFixed(2)} to ${r.max.toFixed(2)})`;
const row = (cells) => `| ${cells.join(' | ')} |`;
function table(head, rows) {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

// Of llama.cpp's two settings the one that is better here.
export function best(result, program) {
  const settings = Object.entries(result.peers).filter(([, p]) => p.program === program);
  return settings.sort(([, a], [, b]) => b.peer.median - a.peer.median)[0];
}

function disturbance(result) {
  const all = spread(Object.values(result.peers).flatMap((p) => p.rounds.map((r) => r.disturbed)));
  return `${all.median.toFixed(2)} (to ${all.max.toFixed(2)})`;
}

export function speedTable(results, peerPrograms) {
  const head = ['', 'qnext, tokens/s', ...peerPrograms.flatMap((name) => [name, 'qnext / it']), 'reads GB/s',
                'of the memory\'s time', 'processors used by others'];
  return table(head, results.map((result) => [
    result.kind === 'prefill' ? `prefill ${result.tokens}` : `decode at ${result.depth}`,
    speed(spread(Object.values(result.peers).map((p) => p.qnext.median)).median),
    ...peerPrograms.flatMap((name) => {
      const [setting, p] = best(result, name);
      return [speed(p.peer.median) + setting.slice(name.length), ratio(p.ratio)];
    }),
    result.bandwidth.median.toFixed(1),
    `${(100 * result.shareOfBandwidth).toFixed(0)} %`,
    disturbance(result),
  ]));
}

export function startTable(starts) {
  const mb = (bytes) => (bytes / 1e6).toFixed(0);
  return table(['', 'start to first token, s', 'peak memory, MB', 'without the mapped file, MB'],
    Object.entries(starts).map(([name, s]) => [
      name, `${s.seconds.median.toFixed(2)} (${s.seconds.min.toFixed(2)} to ${s.seconds.max.toFixed(2)})`,
      mb(s.peak.median), mb(s.anonymous.median)]));
}
