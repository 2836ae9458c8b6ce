//! Events by their signature, parsed when the detector is compiled, as Solidity's ABI encodes them:
//! https://docs.soliditylang.org/en/latest/abi-spec.html. Elementary types only.

const std = @import("std");
const Log = @import("batch.zig").Log;
const types = @import("types.zig");

/// A value: its word, and the bytes of a `bytes` or `string` that is not indexed.
pub const Value = struct {
    word: types.Hash,
    bytes: []const u8 = "",

    pub fn int(self: Value) u256 {
        return self.word.int();
    }

    pub fn address(self: Value) types.Address {
        return self.word.address();
    }
};

const Parameter = struct { kind: []const u8, name: []const u8, is_indexed: bool };

fn parse(comptime signature: []const u8) struct { []const u8, []const Parameter } {
    @setEvalBranchQuota(100_000);
    const open = std.mem.indexOfScalar(u8, signature, '(') orelse @compileError("`" ++ signature ++ "` is no signature");
    const close = std.mem.indexOfScalar(u8, signature, ')') orelse @compileError("`" ++ signature ++ "` is no signature");
    var parameters: []const Parameter = &.{};
    var canonical: []const u8 = signature[0..open] ++ "(";
    var parts = std.mem.splitScalar(u8, signature[open + 1 .. close], ',');
    while (parts.next()) |part| {
        var words = std.mem.tokenizeScalar(u8, part, ' ');
        const written = words.next() orelse continue;
        const kind = if (std.mem.eql(u8, written, "uint") or std.mem.eql(u8, written, "int")) written ++ "256" else written;
        var made: Parameter = .{ .kind = kind, .name = "", .is_indexed = false };
        while (words.next()) |word| {
            if (std.mem.eql(u8, word, "indexed")) made.is_indexed = true else made.name = word;
        }
        canonical = canonical ++ (if (parameters.len > 0) "," else "") ++ kind;
        parameters = parameters ++ [1]Parameter{made};
    }
    return .{ canonical ++ ")", parameters };
}

/// The first four bytes of calldata, by the signature of a function: `balanceOf(address owner)`.
pub fn selector(comptime signature: []const u8) [4]u8 {
    const canonical = comptime parse(signature)[0];
    return types.keccak256(canonical).bytes[0..4].*;
}

/// An event: `Event("Transfer(address indexed from, address indexed to, uint256 value)")`.
pub fn Event(comptime signature: []const u8) type {
    const parsed = comptime parse(signature);
    const parameters = parsed[1];
    comptime var names: [parameters.len][]const u8 = undefined;
    inline for (parameters, 0..) |parameter, at| names[at] = parameter.name;
    const named = names;
    return struct {
        values: [parameters.len]Value,

        /// Hash of its signature: a log's first topic.
        pub fn topic() types.Hash {
            return types.keccak256(parsed[0]);
        }

        /// The value of a name.
        pub fn get(self: @This(), comptime name: []const u8) Value {
            inline for (named, 0..) |one, at| {
                if (comptime std.mem.eql(u8, one, name)) return self.values[at];
            }
            @compileError("`" ++ signature ++ "` has no `" ++ name ++ "`");
        }

        /// The values; null where the log is of another event or not as this one says.
        pub fn decode(log: Log) ?@This() {
            if (log.topicCount() == 0 or !log.topic(0).eql(topic())) return null;
            var made: @This() = undefined;
            var next: usize = 1;
            var head: usize = 0;
            const data = log.data();
            inline for (parameters, 0..) |parameter, at| {
                if (parameter.is_indexed) {
                    if (next == log.topicCount()) return null;
                    made.values[at] = .{ .word = log.topic(next) };
                    next += 1;
                } else {
                    if (data.len < head + 32) return null;
                    made.values[at] = .{ .word = .{ .bytes = data[head..][0..32].* } };
                    head += 32;
                    if (comptime std.mem.eql(u8, parameter.kind, "bytes") or std.mem.eql(u8, parameter.kind, "string")) {
                        made.values[at].bytes = dynamic(data, made.values[at].int()) orelse return null;
                    }
                }
            }
            return if (next == log.topicCount()) made else null;
        }
    };
}

fn dynamic(data: []const u8, offset: u256) ?[]const u8 {
    if (offset +| 32 > data.len) return null;
    const start: usize = @intCast(offset + 32);
    const length = std.mem.readInt(u256, data[start - 32 ..][0..32], .big);
    if (length > data.len - start) return null;
    return data[start..][0..@intCast(length)];
}

/// The word at a position of what a call returned; null where there is none.
pub fn wordAt(data: []const u8, position: usize) ?types.Hash {
    if (data.len < 32 * (position + 1)) return null;
    return .{ .bytes = data[32 * position ..][0..32].* };
}
