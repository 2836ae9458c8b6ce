/** Finds large transfers of a token. */
import { type Address, ConfigError, abi, checksum, config, detector, subscriptions, units } from "@watchfire/sdk";

const transfer = abi.event<{ from: Address; to: Address; value: bigint }>(
  "event Transfer(address indexed from, address indexed to, uint256 value)",
);

export default detector({
  name: "my-rule",
  version: "0.1.0",
  summary: "Finds large transfers of a token.",
  kinds: {
    "large-transfer": { severity: "high", description: "More of a token moved at once than the limit." },
  },
  /** What the operator writes. */
  config: config.table({
    token: config.described("The token's contract.", config.address()),
    symbol: config.described("What findings call it.", config.text()),
    decimals: config.described("Digits behind the point of a whole token.", config.integer({ min: 0, max: 36 })),
    limit: config.described("Largest transfer that is not told, in whole tokens.", config.decimal()),
  }),
  start({ token, symbol, decimals, limit }) {
    let most: bigint;
    try {
      most = units.toUnits(limit, decimals);
    } catch (error) {
      throw new ConfigError("limit", (error as Error).message);
    }
    return {
      subscriptions: [subscriptions.logs({ addresses: [token], event: transfer })],
      *onBatch(batch) {
        for (const log of batch.logs) {
          const found = transfer.decode(log);
          if (!found || found.value <= most) continue;
          yield {
            kind: "large-transfer",
            severity: "high",
            subject: { kind: "address", id: checksum(found.from) },
            title: `${units.fromUnits(found.value, decimals)} ${symbol} moved`,
            description: `To ${checksum(found.to)}, over the limit of ${units.fromUnits(most, decimals)}.`,
            amounts: [[checksum(token), found.value]],
            evidence: [log],
          };
        }
      },
    };
  },
});
