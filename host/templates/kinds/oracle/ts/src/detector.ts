/** Finds a price on the chain that is not what the rest of the world says. */
import { DetectorError, abi, chain, config, detector, state, subscriptions, text, units, utf8 } from "@watchfire/sdk";

const latestRound = abi.fn(
  "function latestRoundData() view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)",
);

/** Digits that both prices are brought to. */
const DIGITS = 18;
/** Where the feed's newest price is kept, as the feed wrote it. */
const PRICE = utf8("price");

export default detector({
  name: "my-rule",
  version: "0.1.0",
  summary: "Finds a price on the chain that is not what the rest of the world says.",
  kinds: { "price-gap": { severity: "high", description: "The aggregator and the feed are apart." } },
  capabilities: ["chain", "state", "feeds"],
  /** What the operator writes. */
  config: config.table({
    /** The contract that has the price, with Chainlink's `latestRoundData`. */
    aggregator: config.address(),
    decimals: config.integer({ min: 0, max: 18 }),
    /** The feed that it is held against. */
    feed: config.text(),
    /** How far they may be apart, in hundredths of a percent of the aggregator's price. */
    max_gap_bps: config.integer({ min: 0 }),
    every_blocks: config.integer({ min: 1 }),
  }),
  start({ aggregator, decimals, feed, max_gap_bps, every_blocks }) {
    return {
      subscriptions: [subscriptions.feed(feed), subscriptions.everyBlocks(every_blocks)],
      *onBatch(batch) {
        for (const seen of batch.observations) state.put(PRICE, utf8(seen.value));
        const told = state.get(PRICE);
        if (batch.due.length === 0 || !told) return;
        const outside = units.toUnits(text(told), DIGITS);
        const price: bigint = chain.call(aggregator, latestRound)[1];
        if (price <= 0n || price >> 128n) throw new DetectorError(`the aggregator's price ${price} is not plausible`);
        const scaled = price * 10n ** BigInt(DIGITS - decimals);
        const apart = outside > scaled ? outside - scaled : scaled - outside;
        const gapBps = (apart * 10_000n) / scaled;
        if (gapBps <= BigInt(max_gap_bps)) return;
        const [onchain, fed] = [units.fromUnits(price, decimals), units.fromUnits(outside, DIGITS)];
        yield {
          kind: "price-gap",
          severity: "high",
          subject: { kind: "feed", id: feed },
          title: `${feed}: ${gapBps} bps apart`,
          description: `The aggregator says ${onchain}, the feed ${fed}.`,
          attributes: { gap_bps: gapBps },
        };
      },
    };
  },
});
