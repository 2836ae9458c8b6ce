/** Events and functions by their signature or JSON ABI, by `ox`. */
import * as AbiEvent from "ox/AbiEvent";
import * as AbiFunction from "ox/AbiFunction";

import type { Log } from "./batch";
import { type Hex, fromHex, same, toHex } from "./bytes";

/** An event, as {@link event} makes it. */
export interface Event<Values> {
  /** Hash of its signature: a log's first topic. */
  readonly topic: Hex;
  /** The values by name; `undefined` where the log is of another event or not as this one says. */
  decode(log: Log): Values | undefined;
}

/** An event by its signature, `event Transfer(address indexed from, address indexed to, uint256 value)`. */
export function event<Values = Record<string, any>>(signature: string | object): Event<Values> {
  const abi = AbiEvent.from(signature as never) as AbiEvent.AbiEvent;
  const topic = AbiEvent.getSelector(abi);
  const bytes = fromHex(topic);
  const topicCount = 1 + abi.inputs.filter((input) => (input as { indexed?: boolean }).indexed).length;
  return {
    topic,
    decode(log) {
      if (log.topicCount !== topicCount || !same(log.topicBytes(0), bytes)) return undefined;
      try {
        const seen = { topics: log.topics as never, data: toHex(log.data) };
        return AbiEvent.decode(abi, seen, { checksumAddress: false }) as Values;
      } catch {
        return undefined;
      }
    },
  };
}

/** A function, as {@link fn} makes it: what it takes, and what it returns. */
export interface Fn<Args extends readonly unknown[] = any[], Result = any> {
  /** Calldata. */
  encode(...values: Args): Uint8Array;
  /** What a call returned: its value, or the list of them where there are several. */
  decode(data: Uint8Array): Result;
}

/**
 * A function by its signature, `function balanceOf(address owner) view returns (uint256)`. Numbers of more than 48 bits are bigints. With its
 * types, calls are checked as the rest of the program is:
 *
 * ```ts
 * const balanceOf = abi.fn<[Address], bigint>("function balanceOf(address owner) view returns (uint256)");
 * const reserves = abi.fn<[], [bigint, bigint, number]>("function getReserves() view returns (uint112, uint112, uint32)");
 * ```
 */
export function fn<Args extends readonly unknown[] = any[], Result = any>(signature: string | object): Fn<Args, Result> {
  const abi = AbiFunction.from(signature as never) as AbiFunction.AbiFunction;
  return {
    encode: (...values) => fromHex(AbiFunction.encodeData(abi as never, values as never)),
    decode: (data) => AbiFunction.decodeResult(abi as never, toHex(data), { as: "Array", checksumAddress: false } as never) as Result,
  };
}
