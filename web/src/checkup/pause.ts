const LEAST = 2000; // milliseconds between two check-ups of a run that grows
const MOST = 60_000;
const SHARE = 4; // a check-up of a long run takes its time from the training beside it

/** Milliseconds to wait after a check-up that took so long. */
export const pauseAfter = (took: number): number => Math.min(MOST, Math.max(LEAST, SHARE * took));
