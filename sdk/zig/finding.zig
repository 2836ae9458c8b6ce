//! What a detector claims.

const std = @import("std");
const c = @import("bindings");
const Batch = @import("batch.zig").Batch;
const Log = @import("batch.zig").Log;
const raw = @import("raw.zig");
const types = @import("types.zig");

const Pair = struct { []const u8, []const u8 };

pub const Finding = struct {
    batch: *Batch,
    kind: []const u8,
    severity: types.Severity,
    subject_kind: []const u8,
    subject_id: []const u8,
    title: []const u8,
    description: []const u8 = "",
    /// How sure the detector is, 0 to 100.
    confidence_percent: u8 = 100,
    /// Findings of one kind about one subject with the same key are one condition.
    condition_key: []const u8 = "",
    logs: std.ArrayList(Log) = .empty,
    transactions: std.ArrayList(types.Hash) = .empty,
    amounts: std.ArrayList(Pair) = .empty,
    attributes: std.ArrayList(Pair) = .empty,

    /// Adds a log and its transaction as evidence.
    pub fn evidence(self: *Finding, log: Log) void {
        self.logs.append(self.batch.memory, log) catch @trap();
        self.transaction(self.batch.transactionHash(log.transactionIndex()));
    }

    /// Adds a transaction as evidence, once.
    pub fn transaction(self: *Finding, hash: types.Hash) void {
        if (hash.eql(.zero)) return;
        for (self.transactions.items) |known| if (known.eql(hash)) return;
        self.transactions.append(self.batch.memory, hash) catch @trap();
    }

    /// Adds how much of what, in the asset's smallest unit.
    pub fn amount(self: *Finding, asset: []const u8, value: u256) void {
        self.amounts.append(self.batch.memory, .{ asset, self.batch.text("{d}", .{value}) }) catch @trap();
    }

    /// Adds anything else.
    pub fn attribute(self: *Finding, key: []const u8, comptime format: []const u8, values: anytype) void {
        self.attributes.append(self.batch.memory, .{ key, self.batch.text(format, values) }) catch @trap();
    }

    /// As it crosses the boundary.
    pub fn claim(self: *Finding) c.watchfire_detector_types_finding_t {
        const number = self.batch.blockNumber();
        const logs = raw.alloc(c.watchfire_detector_types_log_reference_t, self.logs.items.len);
        for (self.logs.items, 0..) |log, at| logs[at] = .{ .block_number = number, .log_index = log.index() };
        const transactions = raw.alloc(c.detector_list_u8_t, self.transactions.items.len);
        for (self.transactions.items, 0..) |hash, at| transactions[at] = raw.list(&hash.bytes);
        const amounts = raw.alloc(c.watchfire_detector_types_amount_t, self.amounts.items.len);
        for (self.amounts.items, 0..) |one, at| amounts[at] = .{ .asset = raw.string(one[0]), .value = raw.string(one[1]) };
        const attributes = raw.alloc(c.detector_tuple2_string_string_t, self.attributes.items.len);
        for (self.attributes.items, 0..) |one, at| attributes[at] = .{ .f0 = raw.string(one[0]), .f1 = raw.string(one[1]) };
        return .{
            .kind = raw.string(self.kind),
            .severity = @intFromEnum(self.severity),
            .confidence_percent = @min(self.confidence_percent, 100),
            .title = raw.string(self.title),
            .description = raw.string(self.description),
            .subject = .{ .kind = raw.string(self.subject_kind), .id = raw.string(self.subject_id) },
            .transactions = .{ .ptr = transactions, .len = self.transactions.items.len },
            .logs = .{ .ptr = logs, .len = self.logs.items.len },
            .amounts = .{ .ptr = amounts, .len = self.amounts.items.len },
            .attributes = .{ .ptr = attributes, .len = self.attributes.items.len },
            .condition_key = raw.string(self.condition_key),
        };
    }
};
