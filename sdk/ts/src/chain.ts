/** Reads of the chain as it stood after the block under inspection. Each counts against the detector's budget. */
import host from "watchfire:detector/chain@0.1.0";

import type { Fn } from "./abi";
import { type Address, type Hex, fromHex, toBigInt, toHex } from "./bytes";
import { DetectorError } from "./error";

/** Why a read gave no answer; `code` is `denied`, `budget`, `reverted`, `unavailable` or `invalid`. */
export class ChainError extends DetectorError {
  constructor(
    readonly code: string,
    message: string,
    readonly data?: Uint8Array,
  ) {
    super(`${code}: ${message}`);
  }
}

function told<T>(read: () => T): T {
  try {
    return read();
  } catch (error: any) {
    const payload = error?.payload ?? error;
    throw payload?.code ? new ChainError(payload.code, payload.message, payload.data) : error;
  }
}

/** Calls a function and gives what it returns: its value, or the list of them where there are several. */
export function call<Args extends readonly unknown[], Result>(to: Address, fn: Fn<Args, Result>, ...values: Args): Result {
  return fn.decode(callRaw(to, fn.encode(...values)));
}

/** `eth_call` with calldata of one's own. */
export function callRaw(to: Address, data: Uint8Array): Uint8Array {
  return told(() => host.call(fromHex(to), data));
}

/** What a storage slot holds. */
export function storageAt(address: Address, slot: Hex): Hex {
  return toHex(told(() => host.storageAt(fromHex(address), fromHex(slot))));
}

/** Native balance, in wei. */
export function balance(address: Address): bigint {
  return toBigInt(told(() => host.balance(fromHex(address))));
}

/** A contract's code; empty where there is none. */
export function code(address: Address): Uint8Array {
  return told(() => host.code(fromHex(address)));
}
