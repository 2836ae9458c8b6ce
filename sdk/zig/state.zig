//! What a detector must remember. The host keeps it: it commits with the findings of the batch and is undone with a reverted
//! block.

const std = @import("std");
const c = @import("bindings");
const Batch = @import("batch.zig").Batch;
const raw = @import("raw.zig");
const types = @import("types.zig");

/// The bytes under a key; null where there are none.
pub fn get(batch: *Batch, key: []const u8) ?[]const u8 {
    var list = raw.lent(key);
    var value: c.detector_list_u8_t = .{};
    if (!c.watchfire_detector_state_get(&list, &value)) return null;
    return raw.take(batch.memory, u8, value);
}

/// Puts bytes under a key.
pub fn put(batch: *Batch, key: []const u8, value: []const u8) error{Failed}!void {
    var list = raw.lent(key);
    var content = raw.lent(value);
    var failed: c.watchfire_detector_state_state_error_t = .{};
    if (c.watchfire_detector_state_put(&list, &content, &failed)) return;
    return batch.fail("the state: {s}: {s}", .{ raw.take(batch.memory, u8, failed.code), raw.take(batch.memory, u8, failed.message) });
}

/// Removes a key.
pub fn delete(key: []const u8) void {
    var list = raw.lent(key);
    c.watchfire_detector_state_delete(&list);
}

/// Counts one more under a key, in 8 bytes, and gives the count.
pub fn count(batch: *Batch, key: []const u8) error{Failed}!u64 {
    const known = get(batch, key) orelse "";
    const total = if (known.len == 8) std.mem.readInt(u64, known[0..8], .big) +| 1 else 1;
    var bytes: [8]u8 = undefined;
    std.mem.writeInt(u64, &bytes, total, .big);
    try put(batch, key, &bytes);
    return total;
}

/// Adds to a sum over the last `span_s` seconds of chain time, exact to the second, laid out alike in every SDK, and gives the
/// sum. It stays at the largest number rather than wrap. No other key may begin with its key.
pub fn rolling(batch: *Batch, key: []const u8, span_s: u64, now_s: u64, amount: u256) error{Failed}!u256 {
    const page_size = 256;
    var total = amount;
    var now = amount;
    var prefix = raw.lent(key);
    var after: ?[]const u8 = null;
    while (true) {
        var page: c.detector_list_tuple2_list_u8_list_u8_t = .{};
        var from = raw.lent(after orelse "");
        c.watchfire_detector_state_scan(&prefix, if (after == null) null else &from, page_size, &page);
        const entries = raw.take(batch.memory, c.detector_tuple2_list_u8_list_u8_t, page);
        if (entries.len == 0) break;
        for (entries) |entry| {
            const own = raw.take(batch.memory, u8, entry.f0);
            const value = raw.take(batch.memory, u8, entry.f1);
            after = own;
            if (own.len != key.len + 8 or value.len != 32) continue;
            const second = std.mem.readInt(u64, own[key.len..][0..8], .big);
            if (second +| span_s <= now_s) {
                delete(own);
                continue;
            }
            const part = std.mem.readInt(u256, value[0..32], .big);
            total +|= part;
            if (second == now_s) now +|= part;
        }
    }
    var second: [8]u8 = undefined;
    std.mem.writeInt(u64, &second, now_s, .big);
    try put(batch, batch.text("{s}{s}", .{ key, &second }), &types.Hash.of(now).bytes);
    return total;
}
