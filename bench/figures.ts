/** The value below which that share of them lies; the highest one for a share that the count can't resolve. NaN of nothing. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const index = Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1);
  return sorted[Math.max(0, index)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function ms(value: number): string {
  return value >= 10_000 ? `${(value / 1_000).toFixed(1)} s` : `${Math.round(value)} ms`;
}

export function perSecond(value: number): string {
  return `${value.toFixed(1)}/s`;
}

/** "p50 61 ms, p99 130 ms" */
export function spread(values: readonly number[], shares: readonly number[]): string {
  return shares.map((share) => `p${share * 100} ${ms(percentile(values, share))}`).join(", ");
}
