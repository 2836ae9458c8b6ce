/** Exact numbers: bigints in a smallest unit, decimals for people, and never a float. */

export const MAX_U256 = (1n << 256n) - 1n;

/** A decimal number as text, in units of which 10^decimals make one. Throws where it is none, finer, or too large. */
export function toUnits(value: string, decimals: number): bigint {
  const found = /^\+?(\d+)(?:\.(\d+))?$/.exec(value);
  if (!found) throw new RangeError(`\`${value}\` is no decimal number of at least 0, such as "1234.5"`);
  const fraction = (found[2] ?? "").replace(/0+$/, "");
  if (fraction.length > decimals) throw new RangeError(`\`${value}\` has more than ${decimals} digits behind the point`);
  const units = BigInt(found[1] + fraction.padEnd(decimals, "0"));
  if (units > MAX_U256) throw new RangeError(`\`${value}\` is too large for ${decimals} decimals`);
  return units;
}

/** For people, without trailing zeros: 1,500,000 units of 6 decimals are `1.5`. */
export function fromUnits(units: bigint, decimals: number): string {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, "0");
  const [whole, fraction] = [digits.slice(0, digits.length - decimals), digits.slice(digits.length - decimals)];
  const trimmed = fraction.replace(/0+$/, "");
  return sign + (trimmed ? `${whole}.${trimmed}` : whole);
}
