/** Computes the growth of a figure over time. */

export interface Measurement {
  readonly seconds: number;
  readonly value: number;
}

/** The slope of the least-squares line through the samples, per hour; 0 for fewer than two samples. */
export function slopePerHour(samples: readonly Measurement[]): number {
  const mean = (of: (sample: Measurement) => number): number =>
    samples.reduce((sum, each) => sum + of(each), 0) / samples.length;
  const [time, value] = [mean(({ seconds }) => seconds), mean((each) => each.value)];
  const spread = samples.reduce((sum, { seconds }) => sum + (seconds - time) ** 2, 0);
  if (samples.length < 2 || spread === 0) return 0;
  const joint = samples.reduce((sum, each) => sum + (each.seconds - time) * (each.value - value), 0);
  return (joint / spread) * 3_600;
}
