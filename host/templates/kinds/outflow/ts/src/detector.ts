/** Finds a token leaving an account faster than a limit. */
import {
  type Address,
  ConfigError,
  abi,
  checksum,
  config,
  detector,
  state,
  subscriptions,
  units,
  utf8,
} from "@watchfire/sdk";

const transfer = abi.event<{ from: Address; to: Address; value: bigint }>(
  "event Transfer(address indexed from, address indexed to, uint256 value)",
);

export default detector({
  name: "my-rule",
  version: "0.1.0",
  summary: "Finds a token leaving an account faster than a limit.",
  kinds: {
    outflow: { severity: "high", description: "More of the token left the account within the window than the limit." },
  },
  capabilities: ["state"],
  /** What the operator writes. */
  config: config.table({
    /** The account that is watched, and the token that must not leave it. */
    account: config.address(),
    token: config.address(),
    symbol: config.text(),
    decimals: config.integer({ min: 0, max: 36 }),
    /** The window, seconds of chain time. */
    window_s: config.integer({ min: 1 }),
    /** Most that may leave within the window, in whole tokens. */
    limit: config.decimal(),
  }),
  start({ account, token, symbol, decimals, window_s, limit }) {
    let most: bigint;
    try {
      most = units.toUnits(limit, decimals);
    } catch (error) {
      throw new ConfigError("limit", (error as Error).message);
    }
    const shown = (value: bigint) => units.fromUnits(value, decimals);
    return {
      subscriptions: [subscriptions.logs({ addresses: [token], event: transfer, topics: [[], [account]] })],
      *onBatch(batch) {
        const transfers = batch.logs.filter((log) => transfer.decode(log));
        const out = transfers.reduce((sum, log) => sum + transfer.decode(log)!.value, 0n);
        if (out === 0n) return;
        const sum = new state.Rolling(utf8("out"), window_s).add(batch.timestampS, out);
        if (sum <= most) return;
        yield {
          kind: "outflow",
          severity: sum / 2n >= most ? "critical" : "high",
          subject: { kind: "address", id: checksum(account) },
          title: `${shown(sum)} ${symbol} left within ${window_s} s`,
          description: `${shown(out)} of it in this block, over the limit of ${shown(most)}.`,
          amounts: [[checksum(token), sum]],
          attributes: { transfers: transfers.length },
          evidence: transfers,
        };
      },
    };
  },
});
