import type { Result } from './measure.js';
import { WORKLOADS } from './workloads.js';

const [WIDTH, LABELS, BAR, GAP] = [900, 330, 14, 26];
const COLOURS = ['#0b6e4f', '#6b7280', '#b45309', '#1d4ed8', '#9d174d', '#4d7c0f'];

/** The results as bars (SVG), each workload for itself: its longest bar is its fastest server. */
export function chart(results: readonly Result[], title: string): string {
  const colours = new Map([...new Set(results.map(({ target }) => target))].map((name, at) => [name, at]));
  const parts: string[] = [];
  let y = 40;
  for (const [workload, label] of Object.entries(WORKLOADS)) {
    const rows = results.filter((result) => result.workload === workload);
    if (rows.length === 0) continue;
    parts.push(text(10, y + 11, label.replaceAll('`', ''), 'bold'));
    y += BAR + 6;
    const fastest = Math.max(...rows.map(({ rate }) => rate));
    for (const { target, rate } of rows) {
      const length = Math.max(1, Math.round((rate / fastest) * (WIDTH - LABELS - 90)));
      const colour = COLOURS[(colours.get(target) ?? 0) % COLOURS.length];
      parts.push(text(24, y + 11, target));
      parts.push(`<rect x="${LABELS}" y="${y}" width="${length}" height="${BAR}" fill="${colour}"/>`);
      parts.push(text(LABELS + length + 6, y + 11, rate.toFixed(0)));
      y += BAR + 4;
    }
    y += GAP - BAR;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 10}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${y + 10}" fill="#ffffff"/>`,
    text(10, 20, title, 'bold'),
    ...parts,
    '</svg>\n',
  ].join('\n');
}

const text = (x: number, y: number, words: string, weight = 'normal') =>
  `<text x="${x}" y="${y}" font-weight="${weight}">${words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
