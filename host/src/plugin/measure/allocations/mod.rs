//! Counts what a guest allocates: a copy of its component in which the allocator's functions count their calls and bytes.
//!
//! Each core module that has such functions by name gets two counters, and two functions that return them, which the
//! component exports; nothing else of it changes. It is for an author's measurement only.

mod module;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, ComponentAliasSection, ComponentExportKind, ComponentExportSection,
    ComponentTypeSection, ExportKind, PrimitiveValType, RawSection,
};
use wasmparser::{Parser, Payload, Validator};
use wasmtime::Store;
use wasmtime::component::{Instance, TypedFunc};

use crate::digest::sha256;
use crate::plugin::boundary::guest::Guest;
use crate::plugin::compile::runtime::{Component, Runtime};
use crate::plugin::limits::Limits;
use crate::plugin::measure::allocations::module::{COUNTERS, counting_module, part};

/// How often memory was asked for, and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocated {
    /// Calls.
    pub calls: u64,
    /// Bytes, over all calls.
    pub bytes: u64,
}

impl Allocated {
    pub(in crate::plugin) fn since(self, before: Self) -> Self {
        Self { calls: self.calls.saturating_sub(before.calls), bytes: self.bytes.saturating_sub(before.bytes) }
    }
}

/// Where an instance counts what it has allocated, one pair for each module.
pub(in crate::plugin) struct Counters(Vec<[TypedFunc<(), (u64,)>; 2]>);

impl Counters {
    pub(in crate::plugin) fn of(
        instance: &Instance,
        store: &mut Store<Guest>,
        modules: usize,
    ) -> wasmtime::Result<Self> {
        let mut function = |name: &str| instance.get_typed_func(&mut *store, name);
        let pair = |[calls, bytes]: [String; 2]| Ok([function(&calls)?, function(&bytes)?]);
        (0..modules).map(exports).map(pair).collect::<wasmtime::Result<_>>().map(Self)
    }

    pub(in crate::plugin) fn read(&self, store: &mut Store<Guest>) -> wasmtime::Result<Allocated> {
        let mut sum = Allocated::default();
        for [calls, bytes] in &self.0 {
            sum.calls += calls.call(&mut *store, ())?.0;
            sum.bytes += bytes.call(&mut *store, ())?.0;
        }
        Ok(sum)
    }
}

/// Names of what is exported for the module of a number: how many calls there were, and of how many bytes.
fn exports(module: usize) -> [String; 2] {
    [format!("allocations-{module}"), format!("allocated-bytes-{module}")]
}

/// A component that counts.
struct Counting {
    bytes: Vec<u8>,
    /// How many modules count.
    modules: usize,
}

/// Compiles a component in which what it allocates is counted. Returns `None` if it names no function that takes memory.
///
/// # Errors
///
/// If the bytes are no component, or it is not admitted.
pub fn compile_counting(runtime: &Runtime, bytes: &[u8], limits: &Limits) -> anyhow::Result<Option<Component>> {
    let Some(counting) = counting(bytes)? else { return Ok(None) };
    let digest = sha256(&counting.bytes);
    Ok(Some(runtime.compile_changed(&counting.bytes, digest, limits, counting.modules)?))
}

/// Makes a component count; `None` where no module names a function that takes memory.
fn counting(component: &[u8]) -> anyhow::Result<Option<Counting>> {
    let mut validator = Validator::new_with_features(wasmparser::WasmFeatures::all());
    let mut out = wasm_encoder::Component::new();
    // Modules that count, by their index, and the instances of each.
    let (mut counted, mut instances) = (Vec::new(), BTreeMap::new());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if depth == 0 {
            let mut changed = None;
            match &payload {
                Payload::ModuleSection { unchecked_range, .. } => {
                    changed = counting_module(part(component, unchecked_range)?)?;
                    if changed.is_some() {
                        counted.push(validator.types(0).map_or(0, |types| types.module_count()));
                    }
                }
                Payload::InstanceSection(section) => {
                    let first = validator.types(0).map_or(0, |types| types.core_instance_count());
                    for (at, instance) in (first..).zip(section.clone()) {
                        if let wasmparser::Instance::Instantiate { module_index, .. } = instance? {
                            instances.insert(module_index, at);
                        }
                    }
                }
                _ => {}
            }
            if let Some((id, range)) = payload.as_section() {
                let data = changed.as_deref().map_or_else(|| part(component, &range), Ok)?;
                out.section(&RawSection { id, data });
            }
        }
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::End(_) => break,
            _ => {}
        }
        validator.payload(&payload)?;
    }
    let instances: Vec<u32> = counted.iter().filter_map(|module| instances.get(module).copied()).collect();
    let Some(types) = validator.types(0).filter(|_| !instances.is_empty()) else { return Ok(None) };
    let (mut core, mut functions) = (types.function_count(), types.component_function_count());
    let number = types.component_type_count();
    let mut of_type = ComponentTypeSection::new();
    let no_parameters: [(&str, PrimitiveValType); 0] = [];
    of_type.function().params(no_parameters).result(Some(PrimitiveValType::U64.into()));
    let (mut aliases, mut lifted) = (ComponentAliasSection::new(), CanonicalFunctionSection::new());
    let mut exported = ComponentExportSection::new();
    for (module, instance) in instances.iter().enumerate() {
        for (counter, name) in COUNTERS.into_iter().zip(exports(module)) {
            aliases.alias(Alias::CoreInstanceExport { instance: *instance, kind: ExportKind::Func, name: counter });
            lifted.lift(core, number, []);
            exported.export(name.as_str(), ComponentExportKind::Func, functions, None);
            core += 1;
            // What is exported has an index of its own, after all that are lifted.
            functions += 1;
        }
    }
    out.section(&of_type).section(&aliases).section(&lifted).section(&exported);
    Ok(Some(Counting { bytes: out.finish(), modules: instances.len() }))
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Linker;
    use wasmtime::{Engine, Store};

    use super::*;

    /// A component whose `run` takes 10 and 32 bytes by a function of this name.
    fn component(allocator: &str) -> Vec<u8> {
        let text = format!(
            r#"(component
                (core module $main
                    (global (mut i32) (i32.const 7))
                    (func ${allocator} (param i32) (result i32) (local i64) local.get 0)
                    (func (export "run")
                        (drop (call ${allocator} (i32.const 10)))
                        (drop (call ${allocator} (i32.const 32))))
                )
                (core module $other (func (export "aside")))
                (core instance (instantiate $other))
                (core instance $main (instantiate $main))
                (func (export "run") (canon lift (core func $main "run")))
            )"#
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn calls_and_bytes_are_counted_and_nothing_else_changes() {
        let counting = counting(&component("malloc")).unwrap().unwrap();
        assert_eq!(counting.modules, 1);
        let engine = Engine::default();
        let made = wasmtime::component::Component::new(&engine, &counting.bytes).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Linker::new(&engine).instantiate(&mut store, &made).unwrap();
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").unwrap();
        let read = |name: &str, store: &mut Store<()>| {
            let function = instance.get_typed_func::<(), (u64,)>(&mut *store, name).unwrap();
            function.call(&mut *store, ()).unwrap().0
        };
        for rounds in 1..=3 {
            run.call(&mut store, ()).unwrap();
            assert_eq!(read("allocations-0", &mut store), 2 * rounds);
            assert_eq!(read("allocated-bytes-0", &mut store), 42 * rounds);
        }
    }

    #[test]
    fn a_component_that_names_no_allocator_is_left_alone() {
        assert!(counting(&component("take")).unwrap().is_none());
        assert!(counting(b"no component").is_err());
    }

    #[test]
    fn the_allocators_of_each_language_are_known_by_their_names() {
        for name in ["runtime.mallocgc", "_PyObject_Malloc"] {
            let changed = module::counting_module(&core(name)).unwrap();
            assert!(changed.is_some(), "{name}");
        }
    }

    fn core(allocator: &str) -> Vec<u8> {
        let text = format!(
            r#"(module (memory 1) (global (mut i32) (i32.const 0))
                (func ${allocator} (export "it") (param i32 i32) (result i32) local.get 0))"#
        );
        wat::parse_str(text).unwrap()
    }
}
