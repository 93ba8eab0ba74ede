const NEAR = 2.5; // below it the series converges fast, above it the fraction does

/** The share of a standard normal distribution that lies below a number, to about 12 digits. */
export function normalShare(value: number): number {
  if (Number.isNaN(value)) return value;
  if (Math.abs(value) < NEAR) return 0.5 + series(value);
  return value < 0 ? tail(-value) : 1 - tail(value);
}

const density = (value: number): number => Math.exp(-value * value / 2) / Math.sqrt(2 * Math.PI);

/** Σ x^(2k+1) / (1·3·5·…·(2k+1)): Abramowitz and Stegun 26.2.11. */
function series(value: number): number {
  let term = value;
  let sum = value;
  for (let odd = 3; Math.abs(term) > 1e-17; odd += 2) {
    term *= (value * value) / odd;
    sum += term;
  }
  return density(value) * sum;
}

/** The continued fraction 1/(x + 1/(x + 2/(x + …))): Abramowitz and Stegun 26.2.14. */
function tail(value: number): number {
  if (value === Infinity) return 0;
  let fraction = value;
  for (let depth = 60; depth > 0; depth--) fraction = value + depth / fraction;
  return density(value) / fraction;
}
