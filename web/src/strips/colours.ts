export type Rgb = readonly [red: number, green: number, blue: number];

export const NAMES = ["positive", "negative", "neutral", "ink", "soft", "hairline", "panel", "raised", "accent", "warning"] as const;

/** The colours that pictures are painted with, as the page's theme has them now. */
export type Colours = Readonly<Record<(typeof NAMES)[number], Rgb>>;

/** Blue above zero and orange below, the more the nearer the value is to the most that there is. */
export function signed(value: number, most: number, { positive, negative, neutral }: Colours): Rgb {
  if (!Number.isFinite(value)) return value > 0 ? positive : value < 0 ? negative : neutral;
  return mixed(neutral, value < 0 ? negative : positive, most > 0 ? Math.abs(value) / most : 0);
}

/** From the panel's colour at the least to ink at the most. */
export function grey(value: number, least: number, most: number, { panel, ink }: Colours): Rgb {
  return mixed(panel, ink, most > least && Number.isFinite(value) ? (value - least) / (most - least) : 0);
}

export function mixed(from: Rgb, to: Rgb, share: number): Rgb {
  const kept = Math.min(1, Math.max(0, share));
  return [at(from[0], to[0], kept), at(from[1], to[1], kept), at(from[2], to[2], kept)];
}

/** A colour between two of the theme's, as a canvas takes it. */
export type Blend = (from: keyof Colours, to: keyof Colours, share: number) => string;
export const blending = (colours: Colours): Blend => (from, to, share) => css(mixed(colours[from], colours[to], share));

export const css = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;

/** The three numbers in a colour as a browser computes it, such as `rgb(31, 100, 200)`; black where there are none. */
export function rgbOf(computed: string): Rgb {
  const found = computed.match(/[\d.]+/g)?.map(Number) ?? [];
  return [found[0] ?? 0, found[1] ?? 0, found[2] ?? 0];
}

const at = (from: number, to: number, share: number): number => Math.round(from + (to - from) * share);
