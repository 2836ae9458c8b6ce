//! What the component exports, by the author's `pub const detector`.

const std = @import("std");
const detector = @import("detector").detector;
const wf = @import("watchfire");
const c = wf.c;

comptime {
    @export(&describe, .{ .name = "exports_watchfire_detector_guest_describe" });
    @export(&start, .{ .name = "exports_watchfire_detector_guest_start" });
    @export(&onBatch, .{ .name = "exports_watchfire_detector_guest_on_batch" });
}

/// Writes a panic's message to the operator's log before the trap hides it.
pub const panic = std.debug.FullPanic(tellPanic);

fn tellPanic(message: []const u8, _: ?usize) noreturn {
    wf.log.err("panic: {s}", .{message});
    @trap();
}

var state: detector.State = undefined;
var kept = std.heap.ArenaAllocator.init(std.heap.c_allocator);

fn describe(manifest: *c.exports_watchfire_detector_guest_manifest_t) callconv(.c) void {
    wf.raw.describe(detector.manifest, wf.config.schemaOf(detector.Config), manifest);
}

fn start(
    text: *c.detector_string_t,
    subscriptions: *c.exports_watchfire_detector_guest_list_subscription_t,
    wrong: *c.exports_watchfire_detector_guest_config_error_t,
) callconv(.c) bool {
    // What an earlier start kept is of no use any more.
    _ = kept.reset(.retain_capacity);
    const memory = kept.allocator();
    var report: wf.config.Report = .{};
    const given = wf.config.parse(detector.Config, memory, text.ptr[0..text.len], &report) catch return told(wrong, report);
    var list: wf.Subscriptions = .{};
    state = detector.start(memory, given, &list, &report) catch |failed| {
        if (report.message.len == 0) report.message = @errorName(failed);
        return told(wrong, report);
    };
    subscriptions.* = list.lower();
    return true;
}

fn told(wrong: *c.exports_watchfire_detector_guest_config_error_t, report: wf.config.Report) bool {
    wrong.key = wf.raw.string(report.key);
    wrong.message = wf.raw.string(report.message);
    return false;
}

fn onBatch(
    handle: c.exports_watchfire_detector_guest_borrow_batch_t,
    findings: *c.exports_watchfire_detector_guest_list_finding_t,
    wrong: *c.detector_string_t,
) callconv(.c) bool {
    var arena = std.heap.ArenaAllocator.init(std.heap.c_allocator);
    defer arena.deinit();
    var batch = wf.Batch.init(handle, arena.allocator());
    defer c.watchfire_detector_batches_batch_drop_borrow(handle);
    detector.onBatch(&state, &batch) catch |failed| {
        const why = if (batch.failure.len > 0) batch.failure else @errorName(failed);
        wrong.* = wf.raw.string(why);
        return false;
    };
    findings.* = wf.raw.findings(&batch);
    return true;
}
