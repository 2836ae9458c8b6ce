//! Lines for the operator's log.

const std = @import("std");
const c = @import("bindings");

fn write(level: u8, comptime format: []const u8, values: anytype) void {
    var line: [1024]u8 = undefined;
    const text = std.fmt.bufPrint(&line, format, values) catch &line;
    var message: c.detector_string_t = .{ .ptr = @constCast(text.ptr), .len = text.len };
    c.watchfire_detector_log_write(level, &message);
}

pub fn debug(comptime format: []const u8, values: anytype) void {
    write(0, format, values);
}

pub fn info(comptime format: []const u8, values: anytype) void {
    write(1, format, values);
}

pub fn warn(comptime format: []const u8, values: anytype) void {
    write(2, format, values);
}

pub fn err(comptime format: []const u8, values: anytype) void {
    write(3, format, values);
}
