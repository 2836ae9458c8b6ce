//! The batch: columns, copied from the host when they are first asked for, and rows that look into them.

const std = @import("std");
const c = @import("bindings");
const Finding = @import("finding.zig").Finding;
const raw = @import("raw.zig");
const types = @import("types.zig");
const Address = types.Address;
const Hash = types.Hash;

pub const Trigger = enum { block, feed, pending };

/// What a feed said. Times are milliseconds since the Unix epoch.
pub const Observation = struct {
    feed: []const u8,
    observed_at_ms: u64,
    received_at_ms: u64,
    kind: []const u8,
    value: []const u8,
};

/// A call frame.
pub const Frame = struct {
    transaction_index: u32,
    transaction_hash: Hash,
    /// 0 for the transaction's own call.
    depth: u32,
    /// `call`, `staticcall`, `delegatecall`, `callcode`, `create`, `create2`, `selfdestruct`.
    kind: []const u8,
    sender: Address,
    /// Zeros for a creation that failed.
    target: Address,
    /// In wei.
    value: u256,
    input: []const u8,
    output: []const u8,
    gas_used: u64,
    /// Whether neither it nor any frame around it was reverted.
    success: bool,
};

const Logs = struct {
    addresses: []const u8,
    topic_counts: []const u8,
    topics: [4][]const u8,
    data: []const u8,
    offsets: []const u32,
    indexes: []const u32,
    transactions: []const u32,
};

/// A row of the batch.
pub const Log = struct {
    columns: *const Logs,
    at: usize,

    /// Who emitted it.
    pub fn address(self: Log) Address {
        return .{ .bytes = self.columns.addresses[20 * self.at ..][0..20].* };
    }

    pub fn topicCount(self: Log) usize {
        return self.columns.topic_counts[self.at];
    }

    /// The topic at a position; zeros where it has none there.
    pub fn topic(self: Log, position: usize) Hash {
        return .{ .bytes = self.columns.topics[position][32 * self.at ..][0..32].* };
    }

    /// What is not indexed.
    pub fn data(self: Log) []const u8 {
        return self.columns.data[self.columns.offsets[self.at]..self.columns.offsets[self.at + 1]];
    }

    /// Position among the logs of its block.
    pub fn index(self: Log) u32 {
        return self.columns.indexes[self.at];
    }

    /// Position of its transaction in its block.
    pub fn transactionIndex(self: Log) u32 {
        return self.columns.transactions[self.at];
    }
};

/// Goes through logs: `while (logs.next()) |log|`.
pub const LogIterator = struct {
    columns: ?*const Logs,
    count: usize,
    at: usize = 0,

    pub fn next(self: *LogIterator) ?Log {
        if (self.at == self.count) return null;
        self.at += 1;
        return .{ .columns = self.columns.?, .at = self.at - 1 };
    }
};

/// What the host shows, narrowed to the subscriptions.
pub const Batch = struct {
    /// The batch as the interface has it, for what has no function here.
    handle: c.watchfire_detector_batches_borrow_batch_t,
    /// Memory that ends with the batch.
    memory: std.mem.Allocator,
    findings: std.ArrayList(*Finding) = .empty,
    /// What an error that ends the batch is told by, in place of its name.
    failure: []const u8 = "",
    columns: ?*const Logs = null,

    pub fn init(handle: c.watchfire_detector_batches_borrow_batch_t, memory: std.mem.Allocator) Batch {
        return .{ .handle = handle, .memory = memory };
    }

    /// Ends the batch with a message: `return batch.fail("…", .{})`.
    pub fn fail(self: *Batch, comptime format: []const u8, values: anytype) error{Failed} {
        self.failure = self.text(format, values);
        return error.Failed;
    }

    /// Formatted text that ends with the batch.
    pub fn text(self: *Batch, comptime format: []const u8, values: anytype) []const u8 {
        return std.fmt.allocPrint(self.memory, format, values) catch @trap();
    }

    /// A finding of which the detector is sure.
    pub fn find(self: *Batch, kind: []const u8, severity: types.Severity, subject_kind: []const u8, subject_id: []const u8) *Finding {
        const finding = self.memory.create(Finding) catch @trap();
        finding.* = .{
            .batch = self,
            .kind = kind,
            .severity = severity,
            .subject_kind = subject_kind,
            .subject_id = subject_id,
            .title = kind,
        };
        self.findings.append(self.memory, finding) catch @trap();
        return finding;
    }

    pub fn trigger(self: *Batch) Trigger {
        var name: c.detector_string_t = .{};
        c.watchfire_detector_batches_method_batch_trigger(self.handle, &name);
        return std.meta.stringToEnum(Trigger, raw.take(self.memory, u8, name)).?;
    }

    pub fn chainId(self: *Batch) u64 {
        return c.watchfire_detector_batches_method_batch_chain_id(self.handle);
    }

    pub fn blockNumber(self: *Batch) u64 {
        return c.watchfire_detector_batches_method_batch_block_number(self.handle);
    }

    /// Chain time, seconds since the Unix epoch.
    pub fn timestampS(self: *Batch) u64 {
        return c.watchfire_detector_batches_method_batch_timestamp_s(self.handle);
    }

    /// Positions of the `every…` subscriptions that are due.
    pub fn due(self: *Batch) []const u32 {
        var ticks: c.detector_list_u32_t = .{};
        c.watchfire_detector_batches_method_batch_due_ticks(self.handle, &ticks);
        return raw.take(self.memory, u32, ticks);
    }

    /// Hash of any transaction of the block by its position; zeros where there is none.
    pub fn transactionHash(self: *Batch, transaction_index: u32) Hash {
        var bytes: c.detector_list_u8_t = .{};
        c.watchfire_detector_batches_method_batch_transaction_hash(self.handle, transaction_index, &bytes);
        const hash = raw.take(self.memory, u8, bytes);
        return if (hash.len == 32) .{ .bytes = hash[0..32].* } else .zero;
    }

    pub fn logs(self: *Batch) LogIterator {
        const count = c.watchfire_detector_batches_method_batch_log_count(self.handle);
        if (count > 0 and self.columns == null) self.pull();
        return .{ .columns = self.columns, .count = count };
    }

    fn column(self: *Batch, comptime T: type, comptime name: []const u8) []const T {
        var got: if (T == u8) c.detector_list_u8_t else c.detector_list_u32_t = .{};
        @field(c, "watchfire_detector_batches_method_batch_log_" ++ name)(self.handle, &got);
        return raw.take(self.memory, T, got);
    }

    fn pull(self: *Batch) void {
        const columns = self.memory.create(Logs) catch @trap();
        columns.* = .{
            .addresses = self.column(u8, "addresses"),
            .topic_counts = self.column(u8, "topic_counts"),
            .topics = undefined,
            .data = self.column(u8, "data"),
            .offsets = self.column(u32, "data_offsets"),
            .indexes = self.column(u32, "indexes"),
            .transactions = self.column(u32, "transaction_indexes"),
        };
        for (&columns.topics, 0..) |*topics, position| {
            var got: c.detector_list_u8_t = .{};
            c.watchfire_detector_batches_method_batch_log_topics(self.handle, @intCast(position), &got);
            topics.* = raw.take(self.memory, u8, got);
        }
        self.columns = columns;
    }

    /// Call frames, each before those that it made.
    pub fn frames(self: *Batch) []const Frame {
        var rows: c.watchfire_detector_batches_list_frame_row_t = .{};
        c.watchfire_detector_batches_method_batch_frames(self.handle, &rows);
        const taken = raw.take(self.memory, c.watchfire_detector_batches_frame_row_t, rows);
        const seen = self.memory.alloc(Frame, taken.len) catch @trap();
        for (taken, seen) |row, *one| one.* = .{
            .transaction_index = row.transaction_index,
            .transaction_hash = .{ .bytes = self.exact(32, row.transaction_hash) },
            .depth = row.depth,
            .kind = raw.take(self.memory, u8, row.kind),
            .sender = .{ .bytes = self.exact(20, row.sender) },
            .target = .{ .bytes = self.exact(20, row.target) },
            .value = (Hash{ .bytes = self.exact(32, row.value) }).int(),
            .input = raw.take(self.memory, u8, row.input),
            .output = raw.take(self.memory, u8, row.output),
            .gas_used = row.gas_used,
            .success = row.success,
        };
        return seen;
    }

    /// A list of so many bytes; zeros where it has another length.
    fn exact(self: *Batch, comptime size: usize, list: c.detector_list_u8_t) [size]u8 {
        const taken = raw.take(self.memory, u8, list);
        return if (taken.len == size) taken[0..size].* else @splat(0);
    }

    pub fn observations(self: *Batch) []const Observation {
        var rows: c.watchfire_detector_batches_list_observation_row_t = .{};
        c.watchfire_detector_batches_method_batch_observations(self.handle, &rows);
        const taken = raw.take(self.memory, c.watchfire_detector_batches_observation_row_t, rows);
        const seen = self.memory.alloc(Observation, taken.len) catch @trap();
        for (taken, seen) |row, *one| one.* = .{
            .feed = raw.take(self.memory, u8, row.feed),
            .observed_at_ms = row.observed_at_ms,
            .received_at_ms = row.received_at_ms,
            .kind = raw.take(self.memory, u8, row.kind),
            .value = raw.take(self.memory, u8, row.value),
        };
        return seen;
    }
};
