/** What a detector claims. */
import { type Batch, Frame, Log, type Transaction } from "./batch";
import { type Hex, fromHex } from "./bytes";
import type { RawFinding } from "./raw";

export type Severity = "info" | "low" | "medium" | "high" | "critical";

/** A claim; what is left out is empty, and the detector is sure. */
export interface Finding {
  /** One of the kinds that the detector declares. */
  kind: string;
  severity: Severity;
  /** What it is about: a kind such as `address`, `pool` or `feed`, and which one. */
  subject: { kind: string; id: string };
  title?: string;
  description?: string;
  /** How sure the detector is, 0 to 100. */
  confidencePercent?: number;
  /** Logs, transactions and call frames, or hashes of transactions. */
  evidence?: (Log | Transaction | Frame | Hex)[];
  /** How much of what, in the asset's smallest unit: `native`, a token's address, or a label such as `usd`. */
  amounts?: [asset: string, value: bigint][];
  attributes?: Record<string, string | number | bigint>;
  /** Findings of one kind about one subject with the same key are one condition. */
  conditionKey?: string;
}

function hashOf(one: Log | Transaction | Frame | Hex): Hex {
  if (typeof one === "string") return one;
  return one instanceof Log || one instanceof Frame ? one.transactionHash : one.hash;
}

/** As it crosses the boundary. */
export function lower(finding: Finding, batch: Batch): RawFinding {
  const evidence = finding.evidence ?? [];
  const logs = evidence.filter((one) => one instanceof Log) as Log[];
  const hashes = evidence.map(hashOf);
  const transactions = [...new Set(hashes)].filter((hash) => hash.length === 66).map(fromHex);
  return {
    kind: finding.kind,
    severity: finding.severity,
    confidencePercent: Math.max(0, Math.min(100, finding.confidencePercent ?? 100)),
    title: finding.title ?? finding.kind,
    description: finding.description ?? "",
    subject: finding.subject,
    transactions,
    logs: logs.map((log) => ({ blockNumber: batch.blockNumber, logIndex: log.index })),
    amounts: (finding.amounts ?? []).map(([asset, value]) => ({ asset, value: value.toString() })),
    attributes: Object.entries(finding.attributes ?? {}).map(([key, value]) => [key, value.toString()]),
    conditionKey: finding.conditionKey ?? "",
  };
}
