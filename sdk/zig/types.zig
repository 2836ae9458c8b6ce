//! Addresses, hashes, and what a detector says of itself.

const std = @import("std");

/// 20 bytes; `{f}` formats it with the mixed case of EIP-55.
pub const Address = struct {
    bytes: [20]u8,

    /// Reads 0x and 40 hexadecimal digits.
    pub fn parse(text: []const u8) ?Address {
        if (text.len != 42 or !std.mem.startsWith(u8, text, "0x")) return null;
        var address: Address = undefined;
        _ = std.fmt.hexToBytes(&address.bytes, text[2..]) catch return null;
        return address;
    }

    pub fn eql(self: Address, other: Address) bool {
        return std.mem.eql(u8, &self.bytes, &other.bytes);
    }

    /// As a topic has it.
    pub fn word(self: Address) Hash {
        var hash: Hash = .zero;
        hash.bytes[12..].* = self.bytes;
        return hash;
    }

    pub fn format(self: Address, writer: *std.Io.Writer) std.Io.Writer.Error!void {
        var digits = std.fmt.bytesToHex(self.bytes, .lower);
        const marks = keccak256(&digits).bytes;
        for (&digits, 0..) |*digit, at| {
            const mark = if (at % 2 == 0) marks[at / 2] >> 4 else marks[at / 2] & 15;
            if (mark >= 8) digit.* = std.ascii.toUpper(digit.*);
        }
        try writer.print("0x{s}", .{digits});
    }
};

/// 32 bytes: a hash, topic, slot or any other word; `{f}` formats it as 0x and hexadecimal digits.
pub const Hash = struct {
    bytes: [32]u8,

    pub const zero: Hash = .{ .bytes = @splat(0) };

    pub fn eql(self: Hash, other: Hash) bool {
        return std.mem.eql(u8, &self.bytes, &other.bytes);
    }

    pub fn of(value: u256) Hash {
        var hash: Hash = undefined;
        std.mem.writeInt(u256, &hash.bytes, value, .big);
        return hash;
    }

    pub fn int(self: Hash) u256 {
        return std.mem.readInt(u256, &self.bytes, .big);
    }

    /// The address in it.
    pub fn address(self: Hash) Address {
        return .{ .bytes = self.bytes[12..].* };
    }

    pub fn format(self: Hash, writer: *std.Io.Writer) std.Io.Writer.Error!void {
        try writer.print("0x{s}", .{std.fmt.bytesToHex(self.bytes, .lower)});
    }
};

pub fn keccak256(data: []const u8) Hash {
    var hash: Hash = undefined;
    std.crypto.hash.sha3.Keccak256.hash(data, &hash.bytes, .{});
    return hash;
}

/// How bad it would be if the finding is true.
pub const Severity = enum(u8) { info, low, medium, high, critical };

/// A kind of finding.
pub const Kind = struct {
    /// Kebab-case.
    id: []const u8,
    severity: Severity,
    description: []const u8,
    runbook_url: []const u8 = "",
};

/// What a detector says of itself.
pub const Manifest = struct {
    /// Kebab-case, stable across versions.
    name: []const u8,
    /// Semantic version.
    version: []const u8,
    summary: []const u8,
    kinds: []const Kind,
    /// What it asks for: chain, state, traces, storage, mempool, feeds, findings.
    capabilities: []const []const u8 = &.{},
};
