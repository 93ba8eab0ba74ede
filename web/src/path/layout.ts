/** Where the tiles of a column are, in points from the top of the column. */
export interface Column {
  readonly x: number;
  readonly width: number;
  readonly side: number; // of a tile
  readonly pitch: number;
  readonly across: number; // tiles beside each other
  readonly top: number;
  readonly units: readonly number[]; // those that have room
  readonly more: number;
}

const LARGEST = 34;
const SMALLEST = 9;
const MORE = 18; // room for the line that says how many there are more
const WORTH = 1.25; // how much larger tiles get at least for each further one beside them

/** A column of tiles in the middle of the height; a unit that is chosen has a place in it always. */
export function columnOf(x: number, width: number, height: number, units: number, chosen: number | null, beside = 3): Column {
  let across = 1;
  for (let each = 2; each <= beside; each++)
    if (sideOf(each, width, height, units) >= WORTH * sideOf(across, width, height, units)) across = each;
  const side = Math.max(Math.min(SMALLEST, Math.floor(width / across)), sideOf(across, width, height, units));
  const pitch = side + gapFor(side);
  const all = Math.ceil(units / across) * pitch <= height;
  const fit = all ? units : Math.max(1, across * Math.floor((height - MORE) / pitch));
  const shown = Array.from({ length: fit }, (_, unit) => unit);
  if (chosen !== null && chosen >= fit && chosen < units) shown[fit - 1] = chosen;
  const used = Math.ceil(fit / across) * pitch + (all ? 0 : MORE);
  const taken = Math.min(across, units) * pitch - gapFor(side);
  return { x: x + (width - taken) / 2, width: taken, side, pitch, across, top: Math.max(0, Math.floor((height - used) / 2)), units: shown, more: units - fit };
}

/** The middle of a unit's tile, with where the tile begins; null where it has none. */
export function middleOf(unit: number, { units, top, pitch, side, across, x }: Column): { x: number; y: number } | null {
  const at = units[unit] === unit ? unit : units.indexOf(unit);
  return at < 0 ? null : { x: x + (at % across) * pitch, y: top + Math.floor(at / across) * pitch + side / 2 };
}

const gapFor = (side: number): number => (side > 16 ? 4 : 2);

function sideOf(across: number, width: number, height: number, units: number): number {
  const fits = (gap: number): number => Math.floor(Math.min((width + gap) / across, height / Math.ceil(units / across)) - gap);
  const large = fits(4);
  return Math.min(LARGEST, large > 16 ? large : Math.min(16, fits(2)));
}
