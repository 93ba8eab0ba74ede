const [WIDE, HIGH, MOST] = [680, 500, 1.8];

/** How much larger what is to be seen and turned may be than on a small screen. */
export const scaleOf = (width: number, height: number): number => Math.max(1, Math.min(MOST, width / WIDE, height / HIGH));
