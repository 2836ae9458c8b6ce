/** The records of the interface, as they cross the boundary. */

export interface RawObservation {
  feed: string;
  observedAtMs: number;
  receivedAtMs: number;
  kind: "number" | "text" | "boolean" | "json";
  value: string;
}

export interface RawFinding {
  kind: string;
  severity: string;
  confidencePercent: number;
  title: string;
  description: string;
  subject: { kind: string; id: string };
  transactions: Uint8Array[];
  logs: { blockNumber: number; logIndex: number }[];
  amounts: { asset: string; value: string }[];
  attributes: [string, string][];
  conditionKey: string;
}

export interface RawFrame {
  transactionIndex: number;
  transactionHash: Uint8Array;
  depth: number;
  kind: string;
  sender: Uint8Array;
  target: Uint8Array;
  value: Uint8Array;
  input: Uint8Array;
  output: Uint8Array;
  gasUsed: number;
  success: boolean;
}

/** A batch as the host hands it over. `wit/detector/batches.wit` says what each column holds. */
export interface RawBatch {
  trigger(): "block" | "feed" | "pending";
  chainId(): number;
  blockNumber(): number;
  blockHash(): Uint8Array;
  parentHash(): Uint8Array;
  timestampS(): number;
  dueTicks(): number[];
  transactionHash(transactionIndex: number): Uint8Array;
  logCount(): number;
  logAddresses(): Uint8Array;
  logTopicCounts(): Uint8Array;
  logTopics(position: number): Uint8Array;
  logData(): Uint8Array;
  logDataOffsets(): number[];
  logIndexes(): number[];
  logTransactionIndexes(): number[];
  transactionCount(): number;
  transactionHashes(): Uint8Array;
  transactionIndexes(): number[];
  transactionSenders(): Uint8Array;
  transactionRecipients(): Uint8Array;
  transactionValues(): Uint8Array;
  transactionInputs(): Uint8Array;
  transactionInputOffsets(): number[];
  transactionStatuses(): Uint8Array;
  frames(): RawFrame[];
  storageChanges(): { transactionIndex: number; address: Uint8Array; slot: Uint8Array; before: Uint8Array; after: Uint8Array }[];
  creations(): { transactionIndex: number; creator: Uint8Array; address: Uint8Array }[];
  observations(): RawObservation[];
  findings(): { detector: string; id: string; finding: RawFinding }[];
}

export type RawSubscription = { tag: string; val?: unknown };
