//! Finds a contract that is entered again before it is done.

const std = @import("std");
const wf = @import("watchfire");

pub const detector = struct {
    pub const manifest: wf.Manifest = .{
        .name = "my-rule",
        .version = "0.1.0",
        .summary = "Finds a contract that is entered again before it is done.",
        .kinds = &.{
            .{ .id = "reentrance", .severity = .critical, .description = "A watched contract was entered again before it was done." },
        },
        .capabilities = &.{"traces"},
    };

    /// What the operator writes.
    pub const Config = struct {
        /// The contracts that are watched.
        watch: []const wf.Address,
    };

    pub const State = struct { config: Config };

    pub fn start(_: std.mem.Allocator, config: Config, subscriptions: *wf.Subscriptions, report: *wf.config.Report) !State {
        if (config.watch.len == 0) return report.wrong("watch", "name at least one contract");
        // All of them: whether a call stands within another is known only by those between.
        subscriptions.frames(.{});
        return .{ .config = config };
    }

    pub fn onBatch(state: *State, batch: *wf.Batch) !void {
        // Contracts at work in a transaction, from its own call inwards, and those that it was told of.
        var open: std.ArrayList(wf.Address) = .empty;
        var told: std.ArrayList(wf.Address) = .empty;
        var transaction: u32 = 0;
        for (batch.frames()) |frame| {
            if (frame.transaction_index != transaction) told.clearRetainingCapacity();
            transaction = frame.transaction_index;
            open.shrinkRetainingCapacity(@min(open.items.len, frame.depth));
            // A delegatecall runs another's code, and its caller stays the one at work.
            const borrows = is(frame.kind, "delegatecall") or is(frame.kind, "callcode");
            const caller = open.getLastOrNull();
            const at_work = if (borrows) caller orelse frame.target else frame.target;
            const is_caller = if (caller) |one| one.eql(at_work) else false;
            const is_again = !is_caller and holds(open.items, at_work);
            try open.append(batch.memory, at_work);
            if (!is(frame.kind, "call") or !frame.success or !is_again) continue;
            if (!holds(state.config.watch, at_work) or holds(told.items, at_work)) continue;
            try told.append(batch.memory, at_work);
            const contract = batch.text("{f}", .{at_work});
            const finding = batch.find("reentrance", .critical, "address", contract);
            finding.title = batch.text("{s} was entered again before it was done", .{contract});
            finding.description = batch.text("By {f}, {d} calls deep.", .{ frame.sender, frame.depth });
            finding.transaction(frame.transaction_hash);
        }
    }

    fn is(kind: []const u8, name: []const u8) bool {
        return std.mem.eql(u8, kind, name);
    }

    fn holds(addresses: []const wf.Address, address: wf.Address) bool {
        for (addresses) |one| if (one.eql(address)) return true;
        return false;
    }
};
