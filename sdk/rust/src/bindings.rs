//! What crosses the boundary, generated from `wit/detector`; authors need neither the WIT nor its tools.

#![allow(missing_docs, unsafe_code, clippy::all)]

wit_bindgen::generate!({
    path: "wit",
    world: "detector",
    pub_export_macro: true,
    export_macro_name: "export_detector",
    default_bindings_module: "watchfire_sdk::bindings",
});
