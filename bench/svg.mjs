// Lines over a common axis as SVG text, in the style of `qnext bench --plot`.
const kWidth = 860, kHeight = 400, kLeft = 78, kRight = 250, kTop = 40, kBottom = 56;
const kAcross = kWidth - kLeft - kRight, kDown = kHeight - kTop - kBottom, kBase = kTop + kDown;
const kColours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'];

const escaped = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const text = (x, y, anchor, words, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"${more}>${escaped(words)}</text>`;

function roundStep(span, count) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= span / count);
}

// `lines` are {label, points: [[x, y], ...], dashed, colour}; x is positive where `logarithmic`.
export function lineSvg({ title, xLabel, yLabel, logarithmic, lines }) {
  const xs = [...new Set(lines.flatMap((line) => line.points.map(([x]) => x)))].sort((a, b) => a - b);
  const highest = Math.max(...lines.flatMap((line) => line.points.map(([, y]) => y)));
  const step = roundStep(highest, 6), high = Math.ceil(highest / step) * step;
  const along = (x) => (logarithmic ? Math.log2(x) : x), low = along(xs[0]), span = along(xs.at(-1)) - low;
  const atX = (x) => kLeft + (span > 0 ? (along(x) - low) / span : 0.5) * kAcross;
  const atY = (y) => kTop + (1 - y / high) * kDown;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${kWidth}" height="${kHeight}" ` +
      `viewBox="0 0 ${kWidth} ${kHeight}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<rect width="${kWidth}" height="${kHeight}" fill="#fff"/>`,
    text(kLeft, 22, 'start', title, ' font-weight="bold"'),
  ];
  for (let i = 0; i <= Math.round(high / step); ++i) {
    out.push(`<path d="M${kLeft} ${atY(i * step).toFixed(1)}h${kAcross}" stroke="#ddd"/>`,
      text(kLeft - 8, atY(i * step) + 4, 'end', Number((i * step).toPrecision(6))));
  }
  for (const x of xs) {
    out.push(`<path d="M${atX(x).toFixed(1)} ${kBase}v5" stroke="#444"/>`, text(atX(x), kBase + 20, 'middle', x));
  }
  out.push(`<path d="M${kLeft} ${kTop}V${kBase}h${kAcross}" fill="none" stroke="#444"/>`,
    text(kLeft + kAcross / 2, kBase + 42, 'middle', xLabel),
    text(20, kTop + kDown / 2, 'middle', yLabel, ` transform="rotate(-90 20 ${kTop + kDown / 2})"`));
  for (const [i, line] of lines.entries()) {
    const colour = kColours[line.colour % kColours.length], dashes = line.dashed ? ' stroke-dasharray="6 4"' : '';
    const path = line.points.map(([x, y]) => `${atX(x).toFixed(1)} ${atY(y).toFixed(1)}`).join('L');
    const y = kTop + 8 + 18 * i, x = kLeft + kAcross + 14;
    out.push(`<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`,
      `<path d="M${x} ${y}h24" stroke="${colour}" stroke-width="2"${dashes}/>`,
      text(x + 30, y + 4, 'start', line.label));
    if (line.dashed) continue;
    for (const [px, py] of line.points) {
      out.push(`<circle cx="${atX(px).toFixed(1)}" cy="${atY(py).toFixed(1)}" r="3" fill="${colour}"/>`);
    }
  }
  return out.join('\n') + '\n</svg>\n';
}
