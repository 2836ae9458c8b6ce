/** Bytes and the text that this field writes them as. */
import * as Address_ from "ox/Address";
import * as Hash_ from "ox/Hash";

import { Decoder, Encoder } from "./globals";

/** Bytes as text: `0x` and hexadecimal digits, in lower case. */
export type Hex = `0x${string}`;
/** 20 bytes as text, in lower case; {@link checksum} is for people. */
export type Address = Hex;

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Bytes to text. */
export function toHex(bytes: Uint8Array, start = 0, end = bytes.length): Hex {
  let text = "0x";
  for (let at = start; at < end; at++) text += DIGITS[bytes[at]];
  return text as Hex;
}

/** Text to bytes. */
export function fromHex(hex: string): Uint8Array {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(hex)) throw new TypeError(`\`${hex}\` is not 0x and pairs of hexadecimal digits`);
  const bytes = new Uint8Array(hex.length / 2 - 1);
  for (let at = 0; at < bytes.length; at++) bytes[at] = parseInt(hex.slice(2 + 2 * at, 4 + 2 * at), 16);
  return bytes;
}

/** A number as 32 bytes, big-endian; as many as are asked for. */
export function toWord(value: bigint, size = 32): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = size - 1; at >= 0; at--, value >>= 8n) bytes[at] = Number(value & 255n);
  return bytes;
}

/** Bytes as a number, big-endian. */
export function toBigInt(bytes: Uint8Array, start = 0, end = bytes.length): bigint {
  return start === end ? 0n : BigInt(toHex(bytes, start, end));
}

/** Bytes end to end. */
export function concat(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Whether the bytes are the same. */
export function same(one: Uint8Array, other: Uint8Array, start = 0): boolean {
  for (let at = 0; at < other.length; at++) if (one[start + at] !== other[at]) return false;
  return true;
}

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array {
  return new Encoder().encode(text);
}

/** UTF-8 as text. */
export function text(bytes: Uint8Array): string {
  return new Decoder().decode(bytes);
}

/** An address with the mixed case of EIP-55. */
export function checksum(address: Address): Address {
  return Address_.checksum(address);
}

/** Keccak-256. */
export function keccak256(bytes: Uint8Array): Hex {
  return Hash_.keccak256(bytes, { as: "Hex" });
}
