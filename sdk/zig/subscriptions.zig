//! What a detector wants to see. An empty list matches anything.

const std = @import("std");
const c = @import("bindings");
const raw = @import("raw.zig");
const types = @import("types.zig");

const given = std.heap.c_allocator;

/// Subscriptions count from 0, and `batch.due` tells by that number.
pub const Subscriptions = struct {
    list: std.ArrayList(c.watchfire_detector_types_subscription_t) = .empty,

    /// Adds one as the interface has it; what it points to must come from malloc.
    pub fn add(self: *Subscriptions, one: c.watchfire_detector_types_subscription_t) void {
        self.list.append(given, one) catch @trap();
    }

    /// Logs of these addresses whose topics are among these words at each position.
    pub fn logs(self: *Subscriptions, addresses: []const types.Address, topics: []const []const types.Hash) void {
        const emitters = raw.alloc(c.detector_list_u8_t, addresses.len);
        for (addresses, 0..) |address, at| emitters[at] = raw.list(&address.bytes);
        const positions = raw.alloc(c.detector_list_list_u8_t, topics.len);
        for (topics, 0..) |words, position| {
            const listed = raw.alloc(c.detector_list_u8_t, words.len);
            for (words, 0..) |word, at| listed[at] = raw.list(&word.bytes);
            positions[position] = .{ .ptr = listed, .len = words.len };
        }
        self.add(.{ .tag = 0, .val = .{ .logs = .{
            .addresses = .{ .ptr = emitters, .len = addresses.len },
            .topics = .{ .ptr = positions, .len = topics.len },
        } } });
    }

    /// Observations of a feed. Needs the capability `feeds`.
    pub fn feed(self: *Subscriptions, name: []const u8) void {
        self.add(.{ .tag = 5, .val = .{ .feed = raw.string(name) } });
    }

    /// Each block whose number is a multiple.
    pub fn everyBlocks(self: *Subscriptions, count: u64) void {
        self.add(.{ .tag = 7, .val = .{ .every_blocks = count } });
    }

    /// The first block in each such span of chain time.
    pub fn everySeconds(self: *Subscriptions, span_s: u64) void {
        self.add(.{ .tag = 8, .val = .{ .every_seconds = span_s } });
    }

    /// As it crosses the boundary.
    pub fn lower(self: *Subscriptions) c.exports_watchfire_detector_guest_list_subscription_t {
        const all = self.list.toOwnedSlice(given) catch @trap();
        return .{ .ptr = all.ptr, .len = all.len };
    }
};
