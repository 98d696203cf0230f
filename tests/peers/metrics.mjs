// Rows of logits: reading them from safetensors files, and how far two sets of them are apart.
import { readFileSync } from 'node:fs';

// {name: {rows, width, data}} of the F32 tensors of a file.
export function readSafetensors(path) {
  const file = readFileSync(path);
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString());
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(header)) {
    if (name === '__metadata__' || dtype !== 'F32' || shape.length !== 2) continue;
    const bytes = file.subarray(8 + headerBytes + begin, 8 + headerBytes + end);
    const data = new Float32Array(bytes.length / 4);
    Buffer.from(data.buffer).set(bytes);
    tensors[name] = { rows: shape[0], width: shape[1], data };
  }
  return tensors;
}

export const row = (tensor, i) => tensor.data.subarray(i * tensor.width, (i + 1) * tensor.width);

export function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; ++i) if (values[i] > values[best]) best = i;
  return best;
}

function logSum(values) {
  const top = values[argmax(values)];
  let sum = 0;
  for (const v of values) sum += Math.exp(v - top);
  return top + Math.log(sum);
}

// KL(a || b) in nats.
function divergence(a, b) {
  const logA = logSum(a), logB = logSum(b);
  let sum = 0;
  for (let i = 0; i < a.length; ++i) sum += Math.exp(a[i] - logA) * (a[i] - logA - (b[i] - logB));
  return sum;
}

function relative(a, b) {
  let off = 0, norm = 0;
  for (let i = 0; i < a.length; ++i) {
    off += (a[i] - b[i]) ** 2;
    norm += a[i] ** 2;
  }
  return Math.sqrt(off / norm);
}

// The largest difference of a probability among a's `count` most probable tokens.
export function topProbabilityDifference(a, b, count) {
  const logA = logSum(a), logB = logSum(b);
  const order = Array.from(a.keys()).sort((i, j) => a[j] - a[i]).slice(0, count);
  return Math.max(...order.map((i) => Math.abs(Math.exp(a[i] - logA) - Math.exp(b[i] - logB))));
}

// The gap between the two largest of a row.
export function margin(values) {
  const best = argmax(values);
  let second = -Infinity;
  for (let i = 0; i < values.length; ++i) if (i !== best && values[i] > second) second = values[i];
  return values[best] - second;
}

const mean = (list) => list.reduce((sum, v) => sum + v, 0) / list.length;

// Mean of the windows' means, and its standard error; windows because neighbouring tokens are not independent.
export function meanAndError(list) {
  const m = mean(list);
  const square = list.reduce((sum, v) => sum + (v - m) ** 2, 0);
  return { mean: m, error: list.length > 1 ? Math.sqrt(square / (list.length - 1) / list.length) : NaN };
}

// What a run's logits of `windows` (lists of ids) say against a reference's, window by window. shareAbove: of
// the rows whose relative difference is above `far`.
export function score(reference, run, windows, far = Infinity) {
  const kl = [], nll = [], worst = [], middle = [];
  let same = 0, above = 0, count = 0;
  windows.forEach((ids, w) => {
    const a = reference[w], b = run[w];
    const kls = [], nlls = [], relatives = [];
    for (let i = 0; i < ids.length; ++i) {
      const x = row(a, i), y = row(b, i);
      kls.push(divergence(x, y));
      relatives.push(relative(x, y));
      same += argmax(x) === argmax(y);
      above += relatives.at(-1) > far;
      ++count;
      if (i + 1 < ids.length) nlls.push(logSum(y) - y[ids[i + 1]]);
    }
    relatives.sort((p, q) => p - q);
    kl.push(mean(kls));
    nll.push(mean(nlls));
    worst.push(relatives.at(-1));
    middle.push(relatives[relatives.length >> 1]);
  });
  const perplexity = Math.exp(mean(nll));
  return { kl: meanAndError(kl), klByWindow: kl, nll: mean(nll), perplexity, sameTop: same / count,
           shareAbove: above / count,
           relativeWorst: Math.max(...worst), relativeMedian: mean(middle) };
}
