//! Exact numbers: integers in a smallest unit, decimals for people, and never a float.

const std = @import("std");

pub const max: u256 = std.math.maxInt(u256);

/// 10^exponent.
pub fn powerOfTen(exponent: u8) u256 {
    return std.math.powi(u256, 10, exponent) catch max;
}

/// value × factor ÷ divisor, rounded down; what is past the largest number in between counts as that.
pub fn scale(value: u256, factor: u256, divisor: u256) u256 {
    return (value *| factor) / divisor;
}

/// A decimal number as text, in units of which 10^decimals make one; null where it is none, finer, or too large.
pub fn parse(text: []const u8, decimals: u8) ?u256 {
    const point = std.mem.indexOfScalar(u8, text, '.');
    const whole = text[0 .. point orelse text.len];
    const written = if (point) |at| text[at + 1 ..] else "";
    const fraction = std.mem.trimEnd(u8, written, "0");
    if (whole.len == 0 or (point != null and written.len == 0) or fraction.len > decimals) return null;
    var units: u256 = 0;
    for ([_][]const u8{ whole, fraction }) |digits| for (digits) |digit| {
        if (!std.ascii.isDigit(digit)) return null;
        units = std.math.mul(u256, units, 10) catch return null;
        units = std.math.add(u256, units, digit - '0') catch return null;
    };
    return std.math.mul(u256, units, powerOfTen(decimals - @as(u8, @intCast(fraction.len)))) catch null;
}

/// For people, without trailing zeros: 1,500,000 units of 6 decimals are `1.5`.
pub fn format(memory: std.mem.Allocator, units: u256, decimals: u8) []const u8 {
    const one = powerOfTen(decimals);
    const whole = std.fmt.allocPrint(memory, "{d}", .{units / one}) catch @trap();
    var fraction = units % one;
    if (fraction == 0) return whole;
    var digits: [80]u8 = undefined;
    var at: usize = decimals;
    while (at > 0) : (fraction /= 10) {
        at -= 1;
        digits[at] = '0' + @as(u8, @intCast(fraction % 10));
    }
    return std.fmt.allocPrint(memory, "{s}.{s}", .{ whole, std.mem.trimEnd(u8, digits[0..decimals], "0") }) catch @trap();
}
