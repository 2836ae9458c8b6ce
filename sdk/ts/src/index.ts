/**
 * Write Watchfire detectors in TypeScript. A detector is the default export of a module, and `watchfire plugin build` makes a
 * component of it:
 *
 *     import { abi, config, detector, subscriptions } from "@watchfire/sdk";
 *
 *     const paused = abi.event<{ account: string }>("event Paused(address account)");
 *
 *     export default detector({
 *       name: "pauses",
 *       version: "0.1.0",
 *       summary: "Tells when a watched contract is paused.",
 *       kinds: { paused: { severity: "medium", description: "A watched contract was paused." } },
 *       config: config.table({ watch: config.list(config.address()) }),
 *       start: ({ watch }) => ({
 *         subscriptions: [subscriptions.logs({ addresses: watch, event: paused })],
 *         *onBatch(batch) {
 *           for (const log of batch.logs) {
 *             const found = paused.decode(log);
 *             if (!found) continue;
 *             const subject = { kind: "address", id: log.address };
 *             yield { kind: "paused", severity: "medium", subject, title: `${found.account} paused it`, evidence: [log] };
 *           }
 *         },
 *       }),
 *     });
 *
 * The module is run when the component is built, and frozen. What `start` closes over is a cache that the host may drop between
 * any two batches: what must last belongs in `state`. There is no clock, no randomness, no file, no network.
 */
import "./globals";

import { Batch } from "./batch";
import type { Field } from "./config";
import { ConfigError, DetectorError } from "./error";
import { type Finding, type Severity, lower } from "./finding";
import type { RawBatch, RawFinding, RawSubscription } from "./raw";

export * as abi from "./abi";
export * as chain from "./chain";
export * as config from "./config";
export * as log from "./log";
export * as state from "./state";
export * as subscriptions from "./subscriptions";
export * as units from "./units";
export { Batch, type Creation, Frame, type Heard, Log, type StorageChange, Transaction } from "./batch";
export { type Address, type Hex, checksum, concat, fromHex, keccak256, text, toBigInt, toHex, toWord, utf8 } from "./bytes";
export { ConfigError, DetectorError } from "./error";
export type { Finding, Severity } from "./finding";

/** What a detector can ask for. */
export type Capability = "chain" | "state" | "traces" | "storage" | "mempool" | "feeds" | "findings";

/** A detector that has its config. */
export interface Started {
  subscriptions: RawSubscription[];
  /** Looks at one batch. What it throws ends this batch for this detector. */
  onBatch(batch: Batch): Iterable<Finding>;
}

/** A rule that looks at batches and tells what it finds. */
export interface Detector<Config> {
  /** Kebab-case, stable across versions. */
  name: string;
  /** Semantic version. */
  version: string;
  /** What it looks for, in a sentence or two. */
  summary: string;
  kinds: Record<string, { severity: Severity; description: string; runbookUrl?: string }>;
  capabilities?: Capability[];
  config: Field<Config>;
  /** Checks the config and says what the detector wants to see. Called on each fresh instance, at any batch. */
  start(config: Config): Started;
}

/** Gives a detector its types. */
export const detector = <Config>(one: Detector<Config>): Detector<Config> => one;

/** The error as JavaScript prints it, with its stack. */
function told(error: unknown): string {
  if (error instanceof DetectorError) return error.message;
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message}\n${placed(error.stack ?? "")}`.trim();
}

/** Where lines of the bundle come from; the build appends it. */
interface Places {
  files: string[];
  lines: Record<number, [file: number, line: number]>;
}

/** A stack with the author's files and lines in place of the bundle's. */
function placed(stack: string): string {
  const places = (globalThis as { watchfirePlaces?: Places }).watchfirePlaces;
  return stack.replace(/[^\s()]*bundle\.js:(\d+)(?::\d+)?/g, (whole, line) => {
    const place = places?.lines[line];
    return place ? `${places.files[place[0]]}:${place[1]}` : whole;
  });
}

/** What the component exports; the build calls it. */
export function component(one: Detector<any>) {
  let started: Started | undefined;
  return {
    describe: () => ({
      name: one.name,
      version: one.version,
      summary: one.summary,
      findingKinds: Object.entries(one.kinds).map(([id, kind]) => ({
        id,
        defaultSeverity: kind.severity,
        description: kind.description,
        runbookUrl: kind.runbookUrl ?? "",
      })),
      capabilities: one.capabilities ?? [],
      configSchema: JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", ...one.config.schema }),
    }),
    start(config: string): RawSubscription[] {
      try {
        started = one.start(one.config.parse(JSON.parse(config), ""));
      } catch (error) {
        throw { key: error instanceof ConfigError ? error.key : "", message: error instanceof ConfigError ? error.message : told(error) };
      }
      return started.subscriptions;
    },
    onBatch(raw: RawBatch): RawFinding[] {
      const batch = new Batch(raw);
      try {
        if (!started) throw new DetectorError("`start` comes before `on-batch`");
        return Array.from(started.onBatch(batch), (finding) => lower(finding, batch));
      } catch (error) {
        throw told(error);
      } finally {
        // The batch is the detector's own, to give back.
        (raw as any)[(Symbol as any).dispose]?.();
      }
    },
  };
}
