/** The value that a share `q` of the numbers, from 0 to 1, does not exceed (nearest rank). */
export function quantile(numbers: readonly number[], q: number): number {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export interface Comparison {
  /** Two-sided; how likely so much of a difference is where there is none. */
  p: number;
  /**
   * Rank-biserial correlation, from -1 to 1: the share of pairs in which the second is greater, less those in which it
   * is smaller.
   */
  effect: number;
  /** Hodges-Lehmann estimate of second - first, in the numbers' own unit. */
  shift: number;
}

/**
 * Mann and Whitney's U test with midranks for ties and the normal approximation, corrected for ties and continuity, for
 * 20 numbers or more on each side. Source: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd
 * edition, 4.1 and 4.2; the effect is Kerby's simple difference (2014).
 */
export function compare(first: readonly number[], second: readonly number[]): Comparison {
  const [n, m] = [first.length, second.length];
  const { rankSum, ties } = rank(first, second);
  const u = rankSum - (m * (m + 1)) / 2;
  const variance = ((n * m) / 12) * (n + m + 1 - ties / ((n + m) * (n + m - 1)));
  const distance = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5);
  const z = variance > 0 ? distance / Math.sqrt(variance) : 0;
  return { p: twoSided(z), effect: (2 * u) / (n * m) - 1, shift: medianDifference(first, second) };
}

/** The sum of the second's ranks among all, and the sum of t³ - t over groups of t equal numbers. */
function rank(first: readonly number[], second: readonly number[]) {
  const all = [...first.map((value) => ({ value, mine: 0 })), ...second.map((value) => ({ value, mine: 1 }))];
  all.sort((a, b) => a.value - b.value);
  let rankSum = 0;
  let ties = 0;
  for (let start = 0, end = 0; start < all.length; start = end) {
    while (end < all.length && all[end]?.value === all[start]?.value) end += 1;
    const midrank = (start + 1 + end) / 2;
    for (const { mine } of all.slice(start, end)) rankSum += mine * midrank;
    ties += (end - start) ** 3 - (end - start);
  }
  return { rankSum, ties };
}

/** P(|Z| > z) of the normal distribution, within 1.5e-7 (Abramowitz and Stegun, 7.1.26). */
function twoSided(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const polynomial = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.min(1, polynomial * Math.exp(-x * x));
}

function medianDifference(first: readonly number[], second: readonly number[]): number {
  const differences = new Float64Array(first.length * second.length);
  for (const [i, a] of first.entries())
    for (const [j, b] of second.entries()) differences[i * second.length + j] = b - a;
  differences.sort();
  const middle = differences.length / 2;
  return ((differences[Math.ceil(middle) - 1] ?? Number.NaN) + (differences[Math.floor(middle)] ?? Number.NaN)) / 2;
}
