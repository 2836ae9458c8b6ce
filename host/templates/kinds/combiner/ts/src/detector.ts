/** Finds signs of one attack that come together, each of them another detector's finding. */
import { ConfigError, concat, config, detector, state, subscriptions, toBigInt, toHex, toWord, utf8 } from "@watchfire/sdk";

export default detector({
  name: "my-rule",
  version: "0.1.0",
  summary: "Finds signs of one attack that come together.",
  kinds: {
    together: { severity: "critical", description: "Findings of all these kinds came within the span." },
  },
  capabilities: ["findings", "state"],
  /** What the operator writes. */
  config: config.table({
    /** Kinds of findings that mean more together than alone. */
    kinds: config.list(config.text()),
    /** How near together they come, seconds of chain time. */
    within_s: config.integer({ min: 0 }),
  }),
  start({ kinds, within_s }) {
    if (kinds.length < 2) throw new ConfigError("kinds", "name two at least");
    const place = (kind: string) => concat(utf8("seen"), utf8(kind));
    return {
      subscriptions: [subscriptions.findings({ kinds })],
      *onBatch(batch) {
        const heard = batch.findings.map((one) => ({ ...one.finding, detector: one.detector }));
        for (const one of heard) state.put(place(one.kind), toWord(BigInt(batch.timestampS), 8));
        for (const kind of kinds) {
          const seen = state.get(place(kind));
          if (!seen || Number(toBigInt(seen)) + within_s < batch.timestampS) return;
        }
        const newest = heard.at(-1);
        if (!newest) return;
        yield {
          kind: "together",
          severity: "critical",
          subject: newest.subject,
          title: `${kinds.join(" and ")} within ${within_s} s`,
          description: `Now: ${heard.map((one) => one.title).join("; ")}.`,
          attributes: { newest: newest.detector },
          evidence: heard.flatMap((one) => one.transactions.map((hash) => toHex(hash))),
        };
      },
    };
  },
});
