//! Reads of the chain as it stood after the block under inspection. Each counts against the detector's budget.

const c = @import("bindings");
const Batch = @import("batch.zig").Batch;
const raw = @import("raw.zig");
const types = @import("types.zig");

/// `eth_call`. An error ends the batch, told by the host's own words.
pub fn call(batch: *Batch, to: types.Address, data: []const u8) error{Failed}![]const u8 {
    var target = raw.lent(&to.bytes);
    var input = raw.lent(data);
    var output: c.detector_list_u8_t = .{};
    var failed: c.watchfire_detector_chain_chain_error_t = .{};
    if (c.watchfire_detector_chain_call(&target, &input, &output, &failed)) return raw.take(batch.memory, u8, output);
    _ = raw.take(batch.memory, u8, failed.data);
    return batch.fail("{s}: {s}", .{ raw.take(batch.memory, u8, failed.code), raw.take(batch.memory, u8, failed.message) });
}
