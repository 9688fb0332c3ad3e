/** Medians, percentiles and means of samples. */

/** @param part 0 to 1; nearest rank */
export function percentile(samples: readonly number[], part: number): number {
  if (samples.length === 0) throw new Error('no samples were taken');
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}

export function mean(samples: readonly number[]): number {
  return samples.reduce((sum, each) => sum + each, 0) / samples.length;
}

export function geometricMean(samples: readonly number[]): number {
  return Math.exp(samples.reduce((sum, each) => sum + Math.log(each), 0) / samples.length);
}

/** Median of the ratios of samples that were taken side by side. */
export function medianRatio(over: readonly number[], under: readonly number[]): number {
  return median(over.map((each, i) => each / under[i]!));
}
