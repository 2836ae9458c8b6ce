//! Config: JSON to the author's struct, each error with its key, and the JSON Schema of that struct.
//!
//! Fields are integers, `bool`, `[]const u8`, `Address`, slices, structs, and optionals, which may be left out.

const std = @import("std");
const types = @import("types.zig");

/// Why a config can't be worked with.
pub const Report = struct {
    /// Dotted path of the key.
    key: []const u8 = "",
    message: []const u8 = "",

    /// `return report.wrong("window_s", "…")`.
    pub fn wrong(self: *Report, key: []const u8, message: []const u8) error{Config} {
        self.* = .{ .key = key, .message = message };
        return error.Config;
    }
};

/// Reads a config.
pub fn parse(comptime T: type, memory: std.mem.Allocator, text: []const u8, report: *Report) error{Config}!T {
    const json = std.json.parseFromSliceLeaky(std.json.Value, memory, text, .{}) catch return report.wrong("", "it is no JSON");
    return read(T, memory, json, "", report);
}

fn below(memory: std.mem.Allocator, key: []const u8, part: []const u8) []const u8 {
    if (key.len == 0) return part;
    return std.fmt.allocPrint(memory, "{s}.{s}", .{ key, part }) catch @trap();
}

fn read(comptime T: type, memory: std.mem.Allocator, json: std.json.Value, key: []const u8, report: *Report) error{Config}!T {
    if (T == types.Address) {
        const text = try read([]const u8, memory, json, key, report);
        return types.Address.parse(text) orelse report.wrong(key, "expected an address: 0x and 40 hexadecimal digits");
    }
    if (T == []const u8) {
        return if (json == .string) json.string else report.wrong(key, "expected a text");
    }
    switch (@typeInfo(T)) {
        .optional => |optional| return if (json == .null) null else try read(optional.child, memory, json, key, report),
        .bool => return if (json == .bool) json.bool else report.wrong(key, "expected true or false"),
        .int => {
            if (json != .integer) return report.wrong(key, "expected a whole number");
            return std.math.cast(T, json.integer) orelse report.wrong(key, "the number is out of range");
        },
        .pointer => |pointer| {
            if (json != .array) return report.wrong(key, "expected a list");
            const list = memory.alloc(pointer.child, json.array.items.len) catch @trap();
            for (json.array.items, list, 0..) |one, *made, at| {
                const place = std.fmt.allocPrint(memory, "{d}", .{at}) catch @trap();
                made.* = try read(pointer.child, memory, one, below(memory, key, place), report);
            }
            return list;
        },
        .@"struct" => return table(T, memory, json, key, report),
        else => @compileError("a config can't hold a " ++ @typeName(T)),
    }
}

fn table(comptime T: type, memory: std.mem.Allocator, json: std.json.Value, key: []const u8, report: *Report) error{Config}!T {
    if (json != .object) return report.wrong(key, "expected a table");
    const names = comptime std.meta.fieldNames(T);
    var entries = json.object.iterator();
    while (entries.next()) |entry| {
        const known = inline for (names) |name| {
            if (std.mem.eql(u8, name, entry.key_ptr.*)) break true;
        } else false;
        if (!known) return report.wrong(below(memory, key, entry.key_ptr.*), "unknown key");
    }
    var made: T = undefined;
    inline for (names) |name| {
        const Field = @FieldType(T, name);
        const place = below(memory, key, name);
        if (json.object.get(name)) |value| {
            @field(made, name) = try read(Field, memory, value, place, report);
        } else if (@typeInfo(Field) == .optional) {
            @field(made, name) = null;
        } else return report.wrong(place, "missing");
    }
    return made;
}

/// The JSON Schema of a type.
pub fn schemaOf(comptime T: type) []const u8 {
    if (T == types.Address) return "{\"type\":\"string\",\"pattern\":\"^0x[0-9a-fA-F]{40}$\"}";
    if (T == []const u8) return "{\"type\":\"string\"}";
    switch (@typeInfo(T)) {
        .optional => |optional| return schemaOf(optional.child),
        .bool => return "{\"type\":\"boolean\"}",
        .int => return "{\"type\":\"integer\"}",
        .pointer => |pointer| return "{\"type\":\"array\",\"items\":" ++ comptime schemaOf(pointer.child) ++ "}",
        .@"struct" => {
            comptime var properties: []const u8 = "";
            comptime var required: []const u8 = "";
            inline for (comptime std.meta.fieldNames(T)) |name| {
                const Field = @FieldType(T, name);
                properties = properties ++ (if (properties.len > 0) "," else "") ++ "\"" ++ name ++ "\":" ++ comptime schemaOf(Field);
                if (@typeInfo(Field) != .optional) required = required ++ (if (required.len > 0) "," else "") ++ "\"" ++ name ++ "\"";
            }
            return "{\"type\":\"object\",\"properties\":{" ++ properties ++ "},\"required\":[" ++ required ++ "],\"additionalProperties\":false}";
        },
        else => @compileError("a config can't hold a " ++ @typeName(T)),
    }
}
