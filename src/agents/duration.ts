/** Timers support at most 2^31−1 ms; a longer delay would fire immediately. */
export const LONGEST_S = Math.floor((2 ** 31 - 1) / 1000);
