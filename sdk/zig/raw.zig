//! Between the SDK and the bindings: what is given away to the host comes from malloc, and an empty list holds none.

const std = @import("std");
const c = @import("bindings");
const Batch = @import("batch.zig").Batch;
const types = @import("types.zig");

const given = std.heap.c_allocator;

/// Memory that the host frees.
pub fn alloc(comptime T: type, count: usize) [*c]T {
    if (count == 0) return null;
    return (given.alloc(T, count) catch @trap()).ptr;
}

pub fn string(text: []const u8) c.detector_string_t {
    const ptr = alloc(u8, text.len);
    if (text.len > 0) @memcpy(ptr[0..text.len], text);
    return .{ .ptr = ptr, .len = text.len };
}

pub fn list(bytes: []const u8) c.detector_list_u8_t {
    const copied = string(bytes);
    return .{ .ptr = copied.ptr, .len = copied.len };
}

/// A list that is lent to the host, which writes to none.
pub fn lent(bytes: []const u8) c.detector_list_u8_t {
    return .{ .ptr = @constCast(bytes.ptr), .len = bytes.len };
}

/// Copies what the host gave into memory that ends with the batch.
pub fn take(memory: std.mem.Allocator, comptime T: type, from: anytype) []const T {
    if (from.len == 0) return &.{};
    const all = from.ptr[0..from.len];
    defer std.c.free(@ptrCast(from.ptr));
    return memory.dupe(T, all) catch @trap();
}

pub fn describe(manifest: types.Manifest, schema: []const u8, said: *c.exports_watchfire_detector_guest_manifest_t) void {
    const kinds = alloc(c.watchfire_detector_types_finding_kind_t, manifest.kinds.len);
    for (manifest.kinds, 0..) |kind, at| kinds[at] = .{
        .id = string(kind.id),
        .default_severity = @intFromEnum(kind.severity),
        .description = string(kind.description),
        .runbook_url = string(kind.runbook_url),
    };
    const capabilities = alloc(c.detector_string_t, manifest.capabilities.len);
    for (manifest.capabilities, 0..) |capability, at| capabilities[at] = string(capability);
    said.* = .{
        .name = string(manifest.name),
        .version = string(manifest.version),
        .summary = string(manifest.summary),
        .finding_kinds = .{ .ptr = kinds, .len = manifest.kinds.len },
        .capabilities = .{ .ptr = capabilities, .len = manifest.capabilities.len },
        .config_schema = string(schema),
    };
}

pub fn findings(batch: *Batch) c.exports_watchfire_detector_guest_list_finding_t {
    const all = batch.findings.items;
    const claims = alloc(c.watchfire_detector_types_finding_t, all.len);
    for (all, 0..) |finding, at| claims[at] = finding.claim();
    return .{ .ptr = claims, .len = all.len };
}
