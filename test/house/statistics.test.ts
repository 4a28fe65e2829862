// The statistics of the benchmarks are right; they are compared with the results of SciPy.

import { expect, test } from '@jest/globals';
import { compare, quantile } from '../../bench/statistics.js';

const FIRST = [1.1, 2.2, 2.2, 3.5, 4.1, 5, 5, 6.3, 7, 8.8, 9, 10, 11, 12, 13.5, 14, 15, 16, 17, 18];
const SECOND = [2.2, 3.3, 5, 6.6, 7.7, 8.8, 9.9, 11, 12.1, 13.2, 14.3, 15.4, 16.5, 17.6, 18.7, 19.8, 20.9, 22, 23.1];

test('the comparison of the measurements says what SciPy says, ties included', () => {
  const { p, effect, shift } = compare(FIRST, SECOND);

  // scipy.stats.mannwhitneyu(second, first, method='asymptotic') of SciPy 1.17, and NumPy's median of all differences.
  expect(p).toBeCloseTo(0.05414701, 6);
  expect(effect).toBeCloseTo(0.36315789, 6);
  expect(shift).toBeCloseTo(4.15, 6);
});

test('a quantile is one of the numbers, and the whole of them is the greatest', () => {
  expect([0, 0.5, 0.99, 1].map((q) => quantile([4, 1, 3, 2], q))).toEqual([1, 2, 4, 4]);
});
