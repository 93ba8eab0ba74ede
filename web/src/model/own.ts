const FEW = 64;
const LEVELS = 255;
const [BESIDE, APART] = ["_", "*"]; // both stand in a link as they are, and in no number

/**
 * An input of one's own as a link says it, as short as can be: numbers written out, as far as a network tells them
 * apart, or letters. These say the level of each where all lie on 256 levels from the least to the most, as in a
 * picture, else its 32 bits.
 */
export function writeOwn(numbers: readonly number[]): string {
  const found = packed(numbers);
  const plain = numbers.length <= FEW ? numbers.map(shortest).join(BESIDE) : found;
  return plain.length <= found.length ? plain : found;
}

function packed(numbers: readonly number[]): string {
  const low = numbers.reduce((least, each) => Math.min(least, each), Infinity);
  const high = numbers.reduce((most, each) => Math.max(most, each), -Infinity);
  const levels = numbers.map((each) => Math.round((LEVELS * (each - low)) / (high - low || 1)));
  const near = numbers.every((each, place) => Math.abs(valueAt(levels[place] ?? 0, low, high) - each) <= 1e-6 * (high - low));
  if (near) return [low, high, letters(Uint8Array.from(levels))].join(APART);
  return APART + letters(new Uint8Array(Float32Array.from(numbers).buffer));
}

/** Null where the text says no input. */
export function readOwn(text: string): number[] | null {
  try {
    const found = text.includes(APART) ? unpacked(text.split(APART)) : text.split(BESIDE).map(Number);
    return text && found.every(Number.isFinite) ? found : null;
  } catch {
    return null; // no letters of base64, or bytes that are no numbers
  }
}

/** The fewest digits that give the same number of 32 bits. */
function shortest(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === Math.fround(value)) return text;
  }
  return String(Number(value.toPrecision(9)));
}

function unpacked(parts: readonly string[]): number[] {
  const data = bytes(parts.at(-1) ?? "");
  if (parts.length === 2) return Array.from(new Float32Array(data.buffer));
  const [low, high] = [Number(parts[0]), Number(parts[1])];
  return Array.from(data, (level) => valueAt(level, low, high));
}

const valueAt = (level: number, low: number, high: number): number => low + (level * (high - low)) / LEVELS;

/** Base64 of letters that a link leaves as they are. */
function letters(data: Uint8Array): string {
  const text = Array.from(data, (each) => String.fromCharCode(each)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}
