/** The detector that is written in every language, in TypeScript. */
import {
  type Address,
  type Batch,
  ConfigError,
  DetectorError,
  type Finding,
  abi,
  chain,
  checksum,
  concat,
  config,
  detector,
  fromHex,
  keccak256,
  log,
  state,
  subscriptions,
  text,
  units,
  utf8,
} from "@watchfire/sdk";

const transfer = abi.event<{ from: Address; to: Address; value: bigint }>(
  "event Transfer(address indexed from, address indexed to, uint256 value)",
);
const latestRound = abi.fn(
  "function latestRoundData() view returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)",
);
const PRICE = utf8("price");
const DIGITS = 18;

const watch = config.table({ address: config.address(), label: config.text() });
const oracle = config.table({
  address: config.address(),
  decimals: config.integer({ min: 0, max: 18 }),
  feed: config.text(),
  max_gap_bps: config.integer({ min: 0 }),
  every_blocks: config.integer({ min: 1 }),
});
const rules = config.table({
  token: config.address(),
  symbol: config.text(),
  decimals: config.integer({ min: 0, max: 36 }),
  watch: config.list(watch, { min: 1 }),
  window_s: config.integer({ min: 1 }),
  limit: config.decimal(),
  oracle: config.optional(oracle),
});

type Watch = config.Parsed<typeof watch>;
type Oracle = config.Parsed<typeof oracle>;
type Rules = config.Parsed<typeof rules>;

const least = (one: bigint, other: bigint) => (one < other ? one : other);

/** The oracle's price, in its units. */
function price(oracle: Oracle): bigint {
  const answer: bigint = chain.call(oracle.address, latestRound)[1];
  if (answer <= 0n || answer >> 128n) throw new DetectorError(`the oracle's price ${answer} is not plausible`);
  return answer;
}

function* outflow(batch: Batch, rules: Rules, limit: bigint, watch: Watch): Generator<Finding> {
  const transfers = batch.logs.filter((one) => transfer.decode(one)?.from === watch.address);
  const out = transfers.reduce((sum, one) => least(sum + transfer.decode(one)!.value, units.MAX_U256), 0n);
  if (out === 0n) return;
  const key = (name: string) => concat(utf8(name), fromHex(watch.address));
  const sum = new state.Rolling(key("out"), rules.window_s).add(batch.timestampS, out);
  const each = rules.oracle && price(rules.oracle);
  const worth = each ? least(sum * each, units.MAX_U256) / 10n ** BigInt(rules.decimals) : sum;
  if (worth <= limit) return;
  const told = new state.Counter(key("told")).add();
  const account = checksum(watch.address);
  log.debug(`${sum} units left ${account}`);
  const decimals = rules.oracle?.decimals ?? rules.decimals;
  const [over, shown] = [units.fromUnits(limit, decimals), (value: bigint) => units.fromUnits(value, decimals)];
  yield {
    kind: "outflow",
    severity: worth / 2n >= limit ? "critical" : "high",
    subject: { kind: "address", id: account },
    confidencePercent: rules.oracle ? 95 : 80,
    title: `${watch.label}: ${units.fromUnits(sum, rules.decimals)} ${rules.symbol} left within ${rules.window_s} s`,
    description: each ? `Worth ${shown(worth)} at ${shown(each)} each, over the limit of ${over}.` : `Over the limit of ${over}.`,
    amounts: [[checksum(rules.token), sum]],
    attributes: { transfers: transfers.length, told, code: keccak256(utf8(watch.label)).slice(0, 10) },
    evidence: transfers,
    conditionKey: account,
  };
}

function* gap(oracle: Oracle): Generator<Finding> {
  const told = state.get(PRICE);
  if (!told) return;
  const feed = units.toUnits(text(told), DIGITS);
  const onchain = price(oracle);
  const scaled = onchain * 10n ** BigInt(DIGITS - oracle.decimals);
  const apart = feed > scaled ? feed - scaled : scaled - feed;
  const gapBps = (apart * 10_000n) / scaled;
  if (gapBps <= BigInt(oracle.max_gap_bps)) return;
  const [left, right] = [units.fromUnits(onchain, oracle.decimals), units.fromUnits(feed, DIGITS)];
  yield {
    kind: "price-gap",
    severity: "medium",
    subject: { kind: "feed", id: oracle.feed },
    title: `${oracle.feed}: ${gapBps} bps apart`,
    description: `The oracle says ${left}, the feed ${right}.`,
    attributes: { gap_bps: gapBps },
  };
}

export default detector({
  name: "conformance",
  version: "0.1.0",
  summary: "Finds a token leaving watched accounts, and a price that is off.",
  kinds: {
    outflow: { severity: "high", description: "More of a token left an account within the window than its limit." },
    "price-gap": { severity: "medium", description: "The oracle and the feed are apart." },
  },
  capabilities: ["chain", "state", "feeds"],
  config: rules,
  start(rules) {
    let limit: bigint;
    try {
      limit = units.toUnits(rules.limit, rules.oracle?.decimals ?? rules.decimals);
    } catch (error) {
      throw new ConfigError("limit", (error as Error).message);
    }
    const senders = rules.watch.map((one) => one.address);
    const wanted = [subscriptions.logs({ addresses: [rules.token], event: transfer, topics: [[], senders] })];
    if (rules.oracle) {
      wanted.push(subscriptions.feed(rules.oracle.feed), subscriptions.everyBlocks(rules.oracle.every_blocks));
    }
    return {
      subscriptions: wanted,
      *onBatch(batch) {
        const { oracle } = rules;
        if (oracle && batch.trigger === "feed") {
          for (const seen of batch.observations) if (seen.feed === oracle.feed) state.put(PRICE, utf8(seen.value));
          return;
        }
        for (const one of rules.watch) yield* outflow(batch, rules, limit, one);
        if (oracle && batch.due.length > 0) yield* gap(oracle);
      },
    };
  },
});
