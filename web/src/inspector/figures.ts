const MINUS = "−";

/** A number as people read it: four digits, and its sign always; zero has none. */
export function signed(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  return (value > 0 ? "+" : MINUS) + plain(Math.abs(value), digits);
}

/** A number without a plus; very small and very large ones with a power of ten. */
export function plain(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? MINUS : "";
  if (!Number.isFinite(size)) return `${sign}∞`;
  if (Number.isInteger(value) && size < 1e6) return sign + size.toLocaleString("en");
  const ten = Math.floor(Math.log10(size));
  if (ten < -4 || ten >= 6) return sign + power(size, digits);
  return sign + size.toFixed(Math.max(0, digits - 1 - ten));
}

/** Short, for the ticks of an axis. */
export const tick = (value: number): string => plain(Number(value.toPrecision(3)), 3).replace(/(\.\d*?)0+(?=·|$)/, "$1").replace(/\.(?=·|$)/, "");

export const sign = (value: number | null | undefined): "positive" | "negative" | "" =>
  !value ? "" : value > 0 ? "positive" : "negative";

/** What a person typed; a minus may be the typographer's, and a comma the decimal point. */
export function typed(text: string): number | null {
  const tidy = text.trim().replace(/[−–]/g, "-").replace(/^([+-]?\d*),(\d+)$/, "$1.$2");
  if (tidy === "") return null;
  const found = Number(tidy);
  return Number.isFinite(found) ? found : null;
}

export const place = (parameter: string, index: readonly number[]): string => (index.length ? `${parameter} [${index.join(", ")}]` : parameter);

const HIGH = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function power(size: number, digits: number): string {
  const [mantissa = "", exponent = ""] = size.toExponential(digits - 1).split("e");
  const raised = exponent.replace("+", "").replace("-", "⁻").replace(/\d/g, (digit) => HIGH[Number(digit)] ?? "");
  return `${mantissa}·10${raised}`;
}
