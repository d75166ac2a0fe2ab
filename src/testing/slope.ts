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

/**
 * Groups every `size` consecutive measurements, and returns the lowest measurement of each group. An incomplete last group is left out. If
 * the memory of a Node process is measured, only the lowest values show growth, because higher values contain garbage that V8 has not
 * collected yet.
 */
export function lowestOf(samples: readonly Measurement[], size: number): readonly Measurement[] {
  return Array.from({ length: Math.floor(samples.length / size) }, (_, group) => {
    const members = samples.slice(group * size, (group + 1) * size);
    return members.reduce((lowest, each) => (each.value < lowest.value ? each : lowest));
  });
}
