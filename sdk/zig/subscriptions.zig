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

    /// Call frames to these contracts, of these kinds. Needs the capability `traces`.
    pub fn frames(self: *Subscriptions, filter: struct {
        targets: []const types.Address = &.{},
        selectors: []const [4]u8 = &.{},
        kinds: []const []const u8 = &.{},
        /// Only those that move native value.
        with_value: bool = false,
    }) void {
        const targets = raw.alloc(c.detector_list_u8_t, filter.targets.len);
        for (filter.targets, 0..) |target, at| targets[at] = raw.list(&target.bytes);
        const selectors = raw.alloc(c.detector_list_u8_t, filter.selectors.len);
        for (filter.selectors, 0..) |selector, at| selectors[at] = raw.list(&selector);
        const kinds = raw.alloc(c.detector_string_t, filter.kinds.len);
        for (filter.kinds, 0..) |kind, at| kinds[at] = raw.string(kind);
        self.add(.{ .tag = 2, .val = .{ .frames = .{
            .targets = .{ .ptr = targets, .len = filter.targets.len },
            .selectors = .{ .ptr = selectors, .len = filter.selectors.len },
            .kinds = .{ .ptr = kinds, .len = filter.kinds.len },
            .with_value = filter.with_value,
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
