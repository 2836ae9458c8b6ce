//! Finds large transfers of a token.

const std = @import("std");
const wf = @import("watchfire");

const Transfer = wf.abi.Event("Transfer(address indexed from, address indexed to, uint256 value)");

pub const detector = struct {
    pub const manifest: wf.Manifest = .{
        .name = "my-rule",
        .version = "0.1.0",
        .summary = "Finds large transfers of a token.",
        .kinds = &.{
            .{ .id = "large-transfer", .severity = .high, .description = "More of a token moved at once than the limit." },
        },
    };

    /// What the operator writes.
    pub const Config = struct {
        token: wf.Address,
        symbol: []const u8,
        decimals: u8,
        /// Largest transfer that is not told, in whole tokens.
        limit: []const u8,
    };

    pub const State = struct { config: Config, limit: u256 };

    pub fn start(_: std.mem.Allocator, config: Config, subscriptions: *wf.Subscriptions, report: *wf.config.Report) !State {
        if (config.decimals > 36) return report.wrong("decimals", "at most 36");
        const limit = wf.units.parse(config.limit, config.decimals) orelse
            return report.wrong("limit", "it is no decimal number with so few digits behind the point");
        subscriptions.logs(&.{config.token}, &.{&.{Transfer.topic()}});
        return .{ .config = config, .limit = limit };
    }

    pub fn onBatch(state: *State, batch: *wf.Batch) !void {
        const config = state.config;
        var logs = batch.logs();
        while (logs.next()) |log| {
            const transfer = Transfer.decode(log) orelse continue;
            const value = transfer.get("value").int();
            if (value <= state.limit) continue;
            const finding = batch.find("large-transfer", .high, "address", batch.text("{f}", .{transfer.get("from").address()}));
            finding.title = batch.text("{s} {s} moved", .{ wf.units.format(batch.memory, value, config.decimals), config.symbol });
            const limit = wf.units.format(batch.memory, state.limit, config.decimals);
            finding.description = batch.text("To {f}, over the limit of {s}.", .{ transfer.get("to").address(), limit });
            finding.amount(batch.text("{f}", .{config.token}), value);
            finding.evidence(log);
        }
    }
};
