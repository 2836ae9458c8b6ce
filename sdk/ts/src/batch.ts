/** The batch: columns, copied from the host when they are first asked for, and rows that look into them. */
import { type Address, type Hex, toBigInt, toHex } from "./bytes";
import type { RawBatch, RawFrame, RawObservation } from "./raw";

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

  get frames(): RawFrame[] {
    return this.once("frames", () => this.raw.frames());
  }

  get observations(): RawObservation[] {
    return this.once("observations", () => this.raw.observations());
  }
}
