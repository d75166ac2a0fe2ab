/** The longest delay of a timer, in seconds. Timers support at most 2^31−1 ms; with a longer delay they would fire immediately. */
export const LONGEST_S = Math.floor((2 ** 31 - 1) / 1000);
