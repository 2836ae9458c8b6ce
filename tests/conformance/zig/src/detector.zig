//! The detector that is written in every language, in Zig.

const std = @import("std");
const wf = @import("watchfire");

const Transfer = wf.abi.Event("Transfer(address indexed from, address indexed to, uint256 value)");
const price_key = "price";
const digits = 18;

pub const detector = struct {
    pub const manifest: wf.Manifest = .{
        .name = "conformance",
        .version = "0.1.0",
        .summary = "Finds a token leaving watched accounts, and a price that is off.",
        .kinds = &.{
            .{ .id = "outflow", .severity = .high, .description = "More of a token left an account within the window than its limit." },
            .{ .id = "price-gap", .severity = .medium, .description = "The oracle and the feed are apart." },
        },
        .capabilities = &.{ "chain", "state", "feeds" },
    };

    pub const Watch = struct { address: wf.Address, label: []const u8 };

    pub const Oracle = struct {
        address: wf.Address,
        decimals: u8,
        feed: []const u8,
        max_gap_bps: u32,
        every_blocks: u64,
    };

    pub const Config = struct {
        token: wf.Address,
        symbol: []const u8,
        decimals: u8,
        watch: []const Watch,
        window_s: u64,
        limit: []const u8,
        oracle: ?Oracle,
    };

    pub const State = struct { config: Config, limit: u256, worth_decimals: u8 };

    pub fn start(memory: std.mem.Allocator, config: Config, subscriptions: *wf.Subscriptions, report: *wf.config.Report) !State {
        if (config.window_s == 0) return report.wrong("window_s", "a window has at least one second");
        if (config.watch.len == 0) return report.wrong("watch", "name at least one account");
        if (config.decimals > 36) return report.wrong("decimals", "at most 36");
        const senders = try memory.alloc(wf.Hash, config.watch.len);
        for (config.watch, senders) |watch, *sender| sender.* = watch.address.word();
        subscriptions.logs(&.{config.token}, &.{ &.{Transfer.topic()}, senders });
        var worth_decimals = config.decimals;
        if (config.oracle) |oracle| {
            if (oracle.decimals > 18) return report.wrong("oracle.decimals", "at most 18");
            if (oracle.every_blocks == 0) return report.wrong("oracle.every_blocks", "at least 1");
            worth_decimals = oracle.decimals;
            subscriptions.feed(oracle.feed);
            subscriptions.everyBlocks(oracle.every_blocks);
        }
        const limit = wf.units.parse(config.limit, worth_decimals) orelse
            return report.wrong("limit", "it is no decimal number with so few digits behind the point");
        return .{ .config = config, .limit = limit, .worth_decimals = worth_decimals };
    }

    pub fn onBatch(state: *State, batch: *wf.Batch) !void {
        const config = state.config;
        if (config.oracle != null and batch.trigger() == .feed) {
            for (batch.observations()) |seen| {
                if (std.mem.eql(u8, seen.feed, config.oracle.?.feed)) try wf.state.put(batch, price_key, seen.value);
            }
            return;
        }
        for (config.watch) |watch| try findOutflow(state, batch, watch);
        if (config.oracle) |oracle| {
            if (batch.due().len > 0) try findGap(batch, oracle);
        }
    }

    fn findOutflow(state: *State, batch: *wf.Batch, watch: Watch) !void {
        const config = state.config;
        var out: u256 = 0;
        var transfers: std.ArrayList(wf.Log) = .empty;
        var logs = batch.logs();
        while (logs.next()) |log| {
            const transfer = Transfer.decode(log) orelse continue;
            if (!transfer.get("from").address().eql(watch.address)) continue;
            out +|= transfer.get("value").int();
            try transfers.append(batch.memory, log);
        }
        if (out == 0) return;
        const window = batch.text("out{s}", .{&watch.address.bytes});
        const sum = try wf.state.rolling(batch, window, config.window_s, batch.timestampS(), out);
        const each = if (config.oracle) |oracle| try price(batch, oracle) else 0;
        const worth = if (config.oracle == null) sum else wf.units.scale(sum, each, wf.units.powerOfTen(config.decimals));
        if (worth <= state.limit) return;
        const told = try wf.state.count(batch, batch.text("told{s}", .{&watch.address.bytes}));
        const account = batch.text("{f}", .{watch.address});
        wf.log.debug("{d} units left {s}", .{ sum, account });
        const finding = batch.find("outflow", if (worth / 2 >= state.limit) .critical else .high, "address", account);
        finding.confidence_percent = if (config.oracle == null) 80 else 95;
        const amount = wf.units.format(batch.memory, sum, config.decimals);
        finding.title = batch.text("{s}: {s} {s} left within {d} s", .{ watch.label, amount, config.symbol, config.window_s });
        const limit = wf.units.format(batch.memory, state.limit, state.worth_decimals);
        finding.description = if (config.oracle == null) batch.text("Over the limit of {s}.", .{limit}) else batch.text(
            "Worth {s} at {s} each, over the limit of {s}.",
            .{ wf.units.format(batch.memory, worth, state.worth_decimals), wf.units.format(batch.memory, each, state.worth_decimals), limit },
        );
        finding.amount(batch.text("{f}", .{config.token}), sum);
        finding.attribute("transfers", "{d}", .{transfers.items.len});
        finding.attribute("told", "{d}", .{told});
        finding.attribute("code", "0x{x}", .{wf.keccak256(watch.label).bytes[0..4]});
        finding.condition_key = account;
        for (transfers.items) |log| finding.evidence(log);
    }

    fn findGap(batch: *wf.Batch, oracle: Oracle) !void {
        const told = wf.state.get(batch, price_key) orelse return;
        const feed = wf.units.parse(told, digits) orelse return batch.fail("the feed's price {s} is no number", .{told});
        const onchain = try price(batch, oracle);
        const scaled = onchain * wf.units.powerOfTen(digits - oracle.decimals);
        const gap_bps = wf.units.scale(if (feed > scaled) feed - scaled else scaled - feed, 10_000, scaled);
        if (gap_bps <= oracle.max_gap_bps) return;
        const finding = batch.find("price-gap", .medium, "feed", oracle.feed);
        finding.title = batch.text("{s}: {d} bps apart", .{ oracle.feed, gap_bps });
        finding.description = batch.text("The oracle says {s}, the feed {s}.", .{
            wf.units.format(batch.memory, onchain, oracle.decimals),
            wf.units.format(batch.memory, feed, digits),
        });
        finding.attribute("gap_bps", "{d}", .{gap_bps});
    }

    /// The oracle's price, in its units.
    fn price(batch: *wf.Batch, oracle: Oracle) !u256 {
        const answer = try wf.chain.call(batch, oracle.address, &wf.abi.selector("latestRoundData()"));
        const value = (wf.abi.wordAt(answer, 1) orelse return batch.fail("the oracle returned {d} bytes", .{answer.len})).int();
        if (value == 0 or value >> 128 != 0) return batch.fail("the oracle's price is not plausible", .{});
        return value;
    }
};
