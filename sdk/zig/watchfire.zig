//! Write Watchfire detectors in Zig. A detector is a `pub const detector` of `src/detector.zig`:
//!
//!     const wf = @import("watchfire");
//!
//!     pub const detector = struct {
//!         pub const manifest: wf.Manifest = .{ .name = "pauses", … };
//!         pub const Config = struct { watch: []const wf.Address };
//!         pub const State = struct { … };
//!
//!         pub fn start(memory: Allocator, config: Config, subscriptions: *wf.Subscriptions, report: *wf.config.Report) !State
//!         pub fn onBatch(state: *State, batch: *wf.Batch) !void
//!     };
//!
//! What `memory` of `start` gives stays as long as the instance; what `batch.memory` gives, until the batch ends. Both are a
//! cache that the host may drop between any two batches: what must last belongs into `wf.state`. 256-bit integers are Zig's
//! own `u256`; sums of hostile amounts saturate by `+|`.

pub const c = @import("bindings");
pub const abi = @import("abi.zig");
pub const Batch = @import("batch.zig").Batch;
pub const Frame = @import("batch.zig").Frame;
pub const Log = @import("batch.zig").Log;
pub const Observation = @import("batch.zig").Observation;
pub const chain = @import("chain.zig");
pub const config = @import("config.zig");
pub const Finding = @import("finding.zig").Finding;
pub const log = @import("log.zig");
pub const raw = @import("raw.zig");
pub const state = @import("state.zig");
pub const Subscriptions = @import("subscriptions.zig").Subscriptions;
pub const units = @import("units.zig");

const types = @import("types.zig");
pub const Address = types.Address;
pub const Hash = types.Hash;
pub const Kind = types.Kind;
pub const Manifest = types.Manifest;
pub const Severity = types.Severity;
pub const keccak256 = types.keccak256;
