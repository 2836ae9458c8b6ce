/** What a detector wants to see. An empty list matches anything. */
import type { Event } from "./abi";
import { type Address, type Hex, fromHex } from "./bytes";
import type { RawSubscription } from "./raw";

const bytes = (list: Hex[] = []) => list.map(fromHex);

/** Logs of these addresses, of this event, whose topics are among these; an address counts as its word. */
export function logs(filter: { addresses?: Address[]; event?: Event<unknown>; topics?: Hex[][] }): RawSubscription {
  const topics = [0, 1, 2, 3].map((position) => (filter.topics?.[position] ?? []).map(word));
  if (filter.event) topics[0] = [fromHex(filter.event.topic)];
  return { tag: "logs", val: { addresses: bytes(filter.addresses), topics } };
}

function word(hex: Hex): Uint8Array {
  return fromHex(`0x${hex.slice(2).padStart(64, "0")}`);
}

interface TransactionFilter {
  recipients?: Address[];
  selectors?: Hex[];
  senders?: Address[];
}

const transactionFilter = (filter: TransactionFilter) => ({
  recipients: bytes(filter.recipients),
  selectors: bytes(filter.selectors),
  senders: bytes(filter.senders),
});

/** Transactions by recipient, selector and sender. */
export const transactions = (filter: TransactionFilter): RawSubscription => ({
  tag: "transactions",
  val: transactionFilter(filter),
});

/** Transactions not yet in a block. Needs the capability `mempool`. */
export const pending = (filter: TransactionFilter): RawSubscription => ({ tag: "pending", val: transactionFilter(filter) });

/** Call frames. Needs the capability `traces`. */
export const frames = (filter: {
  targets?: Address[];
  selectors?: Hex[];
  kinds?: string[];
  withValue?: boolean;
}): RawSubscription => ({
  tag: "frames",
  val: {
    targets: bytes(filter.targets),
    selectors: bytes(filter.selectors),
    kinds: filter.kinds ?? [],
    withValue: filter.withValue ?? false,
  },
});

/** Changes of storage slots. Needs the capability `storage`. */
export const storage = (filter: { addresses?: Address[]; slots?: Hex[] }): RawSubscription => ({
  tag: "storage",
  val: { addresses: bytes(filter.addresses), slots: bytes(filter.slots) },
});

/** Contracts that come into being. */
export const creations = (): RawSubscription => ({ tag: "creations" });

/** Observations of a feed. Needs the capability `feeds`. */
export const feed = (name: string): RawSubscription => ({ tag: "feed", val: name });

/** Findings of other detectors. Needs the capability `findings`. */
export const findings = (filter: { detectors?: string[]; kinds?: string[] }): RawSubscription => ({
  tag: "findings",
  val: { detectors: filter.detectors ?? [], kinds: filter.kinds ?? [] },
});

/** Called on each block whose number is a multiple. */
export const everyBlocks = (count: number): RawSubscription => ({ tag: "every-blocks", val: count });

/** Called on the first block in each such span of chain time. */
export const everySeconds = (spanS: number): RawSubscription => ({ tag: "every-seconds", val: spanS });
