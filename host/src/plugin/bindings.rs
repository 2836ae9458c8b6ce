//! Host side of the WIT interface.

#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "../wit/detector",
    world: "detector",
    imports: { default: trappable },
    with: { "watchfire:detector/batches.batch": crate::plugin::batch::Batch },
});
