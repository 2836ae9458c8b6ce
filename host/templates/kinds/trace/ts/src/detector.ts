/** Finds a contract that is entered again before it is done. */
import { type Address, checksum, config, detector, subscriptions } from "@watchfire/sdk";

const RUN_ANOTHERS_CODE = ["delegatecall", "callcode"];

export default detector({
  name: "my-rule",
  version: "0.1.0",
  summary: "Finds a contract that is entered again before it is done.",
  kinds: {
    reentrance: { severity: "critical", description: "A watched contract was entered again before it was done." },
  },
  capabilities: ["traces"],
  /** What the operator writes. */
  config: config.table({
    /** The contracts that are watched. */
    watch: config.list(config.address(), { min: 1 }),
  }),
  start({ watch }) {
    return {
      // All of them: whether a call stands within another is known only by those between.
      subscriptions: [subscriptions.frames({})],
      *onBatch(batch) {
        /** Contracts at work in a transaction, from its own call inwards. */
        const open: Address[] = [];
        const told = new Set<string>();
        for (const frame of batch.frames) {
          open.length = Math.min(open.length, frame.depth);
          const caller = open.at(-1);
          // A delegatecall runs another's code, and its caller stays the one at work.
          const atWork = RUN_ANOTHERS_CODE.includes(frame.kind) ? (caller ?? frame.sender) : frame.target;
          const isAgain = open.includes(atWork) && caller !== atWork;
          open.push(atWork);
          const key = `${frame.transactionIndex} ${atWork}`;
          if (frame.kind !== "call" || !frame.success || !isAgain || !watch.includes(atWork) || told.has(key)) continue;
          told.add(key);
          yield {
            kind: "reentrance",
            severity: "critical",
            subject: { kind: "address", id: checksum(atWork) },
            title: `${checksum(atWork)} was entered again before it was done`,
            description: `By ${checksum(frame.sender)}, ${frame.depth} calls deep.`,
            evidence: [frame],
          };
        }
      },
    };
  },
});
