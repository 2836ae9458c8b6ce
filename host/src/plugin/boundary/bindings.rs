//! Host side of the WIT interface.

#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "../wit/detector",
    world: "detector",
    imports: { default: trappable },
    with: { "watchfire:detector/batches.batch": crate::plugin::boundary::batch::Batch },
});

/// The world of detectors that own their batches; all its nouns are those of the other.
pub(super) mod owning {
    wasmtime::component::bindgen!({
        path: "../wit/detector",
        world: "owning-detector",
        imports: { default: trappable },
        with: {
            "watchfire:detector/types": crate::plugin::boundary::bindings::watchfire::detector::types,
            "watchfire:detector/batches": crate::plugin::boundary::bindings::watchfire::detector::batches,
            "watchfire:detector/chain": crate::plugin::boundary::bindings::watchfire::detector::chain,
            "watchfire:detector/state": crate::plugin::boundary::bindings::watchfire::detector::state,
            "watchfire:detector/log": crate::plugin::boundary::bindings::watchfire::detector::log,
        },
    });
}
