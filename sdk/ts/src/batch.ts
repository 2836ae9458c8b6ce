/** The batch: columns, copied from the host when they are first asked for, and rows that look into them. */
import { type Address, type Hex, toBigInt, toHex } from "./bytes";
import type { RawBatch, RawFinding, RawFrame, RawObservation } from "./raw";

/** A log. It looks into the columns of its batch. */
export class Log {
  constructor(
    private readonly batch: Batch,
    private readonly at: number,
  ) {}

  /** Who emitted it. */
  get address(): Address {
    return toHex(this.batch.column("logAddresses"), 20 * this.at, 20 * this.at + 20);
  }

  /** How many topics it has. */
  get topicCount(): number {
    return this.batch.column("logTopicCounts")[this.at];
  }

  /** The bytes of a topic, position 0 to 3; zeros where it has none there. */
  topicBytes(position: number): Uint8Array {
    return this.batch.topics(position).subarray(32 * this.at, 32 * this.at + 32);
  }

  /** The topics that it has. */
  get topics(): Hex[] {
    return Array.from({ length: this.topicCount }, (_, position) => toHex(this.topicBytes(position)));
  }

  /** What is not indexed. */
  get data(): Uint8Array {
    const offsets = this.batch.column("logDataOffsets");
    return this.batch.column("logData").subarray(offsets[this.at], offsets[this.at + 1]);
  }

  /** Position among the logs of its block. */
  get index(): number {
    return this.batch.column("logIndexes")[this.at];
  }

  /** Position of its transaction in its block. */
  get transactionIndex(): number {
    return this.batch.column("logTransactionIndexes")[this.at];
  }

  /** Hash of its transaction. */
  get transactionHash(): Hex {
    return this.batch.transactionHash(this.transactionIndex);
  }
}

/** A transaction. It looks into the columns of its batch. */
export class Transaction {
  constructor(
    private readonly batch: Batch,
    private readonly at: number,
  ) {}

  get hash(): Hex {
    return toHex(this.batch.column("transactionHashes"), 32 * this.at, 32 * this.at + 32);
  }

  /** Position in its block. */
  get index(): number {
    return this.batch.column("transactionIndexes")[this.at];
  }

  /** Who signed it. */
  get sender(): Address {
    return toHex(this.batch.column("transactionSenders"), 20 * this.at, 20 * this.at + 20);
  }

  /** Whom it calls; zeros where it makes a contract. */
  get recipient(): Address {
    return toHex(this.batch.column("transactionRecipients"), 20 * this.at, 20 * this.at + 20);
  }

  /** In wei. */
  get value(): bigint {
    return toBigInt(this.batch.column("transactionValues"), 32 * this.at, 32 * this.at + 32);
  }

  /** Calldata. */
  get input(): Uint8Array {
    const offsets = this.batch.column("transactionInputOffsets");
    return this.batch.column("transactionInputs").subarray(offsets[this.at], offsets[this.at + 1]);
  }

  /** Whether it went through; `undefined` where that is not known yet. */
  get success(): boolean | undefined {
    return [false, true, undefined][this.batch.column("transactionStatuses")[this.at]];
  }
}

/** A call frame, as a tracer gives it. Nothing in a block's header covers these. */
export class Frame {
  constructor(private readonly raw: RawFrame) {}

  /** Position of its transaction in the block. */
  get transactionIndex(): number {
    return this.raw.transactionIndex;
  }

  get transactionHash(): Hex {
    return toHex(this.raw.transactionHash);
  }

  /** 0 for the transaction's own call. */
  get depth(): number {
    return this.raw.depth;
  }

  /** `call`, `staticcall`, `delegatecall`, `callcode`, `create`, `create2`, `selfdestruct`. */
  get kind(): string {
    return this.raw.kind;
  }

  /** Who calls. */
  get sender(): Address {
    return toHex(this.raw.sender);
  }

  /** Who is called, or made; `0x` for a creation that failed. */
  get target(): Address {
    return toHex(this.raw.target);
  }

  /** Native value that it moves, in wei. */
  get value(): bigint {
    return toBigInt(this.raw.value);
  }

  /** Calldata. */
  get input(): Uint8Array {
    return this.raw.input;
  }

  /** The first four bytes of the calldata; `0x` where there are fewer. */
  get selector(): Hex {
    return this.raw.input.length < 4 ? "0x" : toHex(this.raw.input, 0, 4);
  }

  /** What it returned, or its revert data. */
  get output(): Uint8Array {
    return this.raw.output;
  }

  get gasUsed(): number {
    return this.raw.gasUsed;
  }

  /** False where the frame itself, or any frame around it, was reverted. */
  get success(): boolean {
    return this.raw.success;
  }
}

/** A storage slot that a transaction changed. */
export interface StorageChange {
  transactionIndex: number;
  address: Address;
  slot: Hex;
  before: Hex;
  after: Hex;
}

/** A contract that came into being. */
export interface Creation {
  transactionIndex: number;
  creator: Address;
  address: Address;
}

/** What another detector found. */
export interface Heard {
  /** The other detector's id in the config. */
  detector: string;
  /** The finding's id. */
  id: string;
  finding: RawFinding;
}

type Column = {
  [Name in keyof RawBatch]: RawBatch[Name] extends () => Uint8Array | number[] ? Name : never;
}[keyof RawBatch];

/** What the host shows: narrowed to the subscriptions, and copied as far as it is asked for. */
export class Batch {
  private readonly columns = new Map<string, unknown>();

  /** `raw` is the batch as the interface has it. */
  constructor(readonly raw: RawBatch) {}

  private once<T>(name: string, make: () => T): T {
    if (!this.columns.has(name)) this.columns.set(name, make());
    return this.columns.get(name) as T;
  }

  /** A column as it stands in the interface, copied once. */
  column<Name extends Column>(name: Name): ReturnType<RawBatch[Name]> {
    return this.once(name, () => this.raw[name]() as ReturnType<RawBatch[Name]>);
  }

  /** The topics of all logs at a position, 32 bytes each. */
  topics(position: number): Uint8Array {
    return this.once(`topics ${position}`, () => this.raw.logTopics(position));
  }

  /** What brought it about. */
  get trigger(): "block" | "feed" | "pending" {
    return this.once("trigger", () => this.raw.trigger());
  }

  get chainId(): number {
    return this.raw.chainId();
  }

  get blockNumber(): number {
    return this.once("blockNumber", () => this.raw.blockNumber());
  }

  get blockHash(): Hex {
    return toHex(this.raw.blockHash());
  }

  /** Chain time, seconds since the Unix epoch. */
  get timestampS(): number {
    return this.once("timestampS", () => this.raw.timestampS());
  }

  /** Positions of the `every…` subscriptions that are due. */
  get due(): number[] {
    return this.once("due", () => Array.from(this.raw.dueTicks()));
  }

  /** Hash of any transaction of the block; `0x` where there is none. */
  transactionHash(transactionIndex: number): Hex {
    return this.once(`hash ${transactionIndex}`, () => toHex(this.raw.transactionHash(transactionIndex)));
  }

  get logs(): Log[] {
    return this.once("logs", () => Array.from({ length: this.raw.logCount() }, (_, at) => new Log(this, at)));
  }

  get transactions(): Transaction[] {
    const make = () => Array.from({ length: this.raw.transactionCount() }, (_, at) => new Transaction(this, at));
    return this.once("transactions", make);
  }

  /** Call frames, each before those that it made. */
  get frames(): Frame[] {
    return this.once("frames", () => this.raw.frames().map((raw) => new Frame(raw)));
  }

  get storageChanges(): StorageChange[] {
    const make = () =>
      this.raw.storageChanges().map(({ transactionIndex, address, slot, before, after }) => ({
        transactionIndex,
        address: toHex(address),
        slot: toHex(slot),
        before: toHex(before),
        after: toHex(after),
      }));
    return this.once("storageChanges", make);
  }

  get creations(): Creation[] {
    const make = () =>
      this.raw.creations().map(({ transactionIndex, creator, address }) => ({
        transactionIndex,
        creator: toHex(creator),
        address: toHex(address),
      }));
    return this.once("creations", make);
  }

  /** What other detectors found in the same block or observation. */
  get findings(): Heard[] {
    return this.once("findings", () => this.raw.findings());
  }

  get observations(): RawObservation[] {
    return this.once("observations", () => this.raw.observations());
  }
}
