/** What a detector must remember. The host keeps it: it commits with the findings of the batch and is undone with a reverted
 * block, while fields of the detector are a cache that may be gone at the next batch. */
import host from "watchfire:detector/state@0.1.0";

import { concat, toBigInt, toWord } from "./bytes";
import { DetectorError } from "./error";
import { MAX_U256 } from "./units";

const PAGE = 256;

/** The bytes under a key. */
export function get(key: Uint8Array): Uint8Array | undefined {
  return host.get(key) ?? undefined;
}

/** Puts bytes under a key. */
export function put(key: Uint8Array, value: Uint8Array): void {
  try {
    host.put(key, value);
  } catch (error: any) {
    const payload = error?.payload ?? error;
    throw payload?.code ? new DetectorError(`the state: ${payload.code}: ${payload.message}`) : error;
  }
}

/** Removes a key. */
export function remove(key: Uint8Array): void {
  host.delete(key);
}

/** Entries whose key starts with `prefix`, in the order of their keys. */
export function* scan(prefix: Uint8Array): Generator<[Uint8Array, Uint8Array]> {
  let after: Uint8Array | null = null;
  for (;;) {
    const page: [Uint8Array, Uint8Array][] = host.scan(prefix, after, PAGE);
    if (page.length === 0) return;
    yield* page;
    after = page[page.length - 1][0];
  }
}

/** A count of 8 bytes. */
export class Counter {
  constructor(private readonly key: Uint8Array) {}

  get value(): bigint {
    return toBigInt(get(this.key) ?? new Uint8Array());
  }

  /** Adds to it and gives what it counts then. */
  add(count = 1n): bigint {
    const total = this.value + count;
    put(this.key, toWord(total, 8));
    return total;
  }
}

/** A sum over the last `spanS` seconds of chain time, exact to the second, laid out alike in every SDK. No other key may begin
 * with its key. */
export class Rolling {
  constructor(
    private readonly key: Uint8Array,
    private readonly spanS: number,
  ) {}

  /** Adds an amount, forgets what the span has left behind, and gives the sum. It stays at the largest 256-bit number rather
   * than wrap. */
  add(nowS: number, amount: bigint): bigint {
    let [total, now] = [amount, amount];
    for (const [key, bytes] of scan(this.key)) {
      const [second, value] = [Number(toBigInt(key, this.key.length)), toBigInt(bytes)];
      if (second + this.spanS <= nowS) {
        remove(key);
        continue;
      }
      total += value;
      if (second === nowS) now += value;
    }
    put(concat(this.key, toWord(BigInt(nowS), 8)), toWord(now < MAX_U256 ? now : MAX_U256));
    return total < MAX_U256 ? total : MAX_U256;
  }
}
