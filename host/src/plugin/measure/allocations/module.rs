//! A core module whose allocator counts: two counters, two functions that return them, and a few instructions before the
//! allocator's own. All of it comes after what is there, so that no index changes.

use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::Context;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType, MemArg,
    Module, RawSection, TypeSection, ValType,
};
use wasmparser::{FunctionBody, KnownCustom, Name, Parser, Payload, TypeRef};

/// How many bytes a call of an allocator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    /// The parameter of this position.
    Parameter(u32),
    /// The product of the first two.
    Product,
    /// The first argument on Go's own stack, below the address to return to. A function that is entered again, to go on where
    /// it was interrupted, is given where that is: not 0.
    GoStack,
}

/// The functions by which each language takes memory, by the name that a name section has for them. Those that others here
/// are made of come last: where a module has one of the first, the later are not counted.
const ALLOCATORS: [&[(&str, Size)]; 7] = [
    // Rust's own functions are mostly inlined where they are called; what they call is not.
    &[("talc::base::Talc<S,B>::allocate", Size::Parameter(2))],
    &[("<dlmalloc::dlmalloc::Dlmalloc<dlmalloc::sys::System>>::malloc", Size::Parameter(0))],
    &[
        ("__rustc::__rust_alloc", Size::Parameter(0)),
        ("__rustc::__rust_alloc_zeroed", Size::Parameter(0)),
        ("__rustc::__rust_realloc", Size::Parameter(3)),
    ],
    // Zig's, which is that of its C library too.
    &[("heap.BrkAllocator.alloc", Size::Parameter(0))],
    &[("runtime.mallocgc", Size::GoStack)],
    &[("_PyObject_Malloc", Size::Parameter(1)), ("_PyObject_Realloc", Size::Parameter(2))],
    &[
        ("malloc", Size::Parameter(0)),
        ("calloc", Size::Product),
        ("realloc", Size::Parameter(1)),
        ("aligned_alloc", Size::Parameter(1)),
        ("posix_memalign", Size::Parameter(2)),
    ],
];

/// The global that points to Go's own stack.
const GO_STACK_POINTER: u32 = 0;

/// What a module that counts exports.
pub(super) const COUNTERS: [&str; 2] = ["watchfire:allocations", "watchfire:allocated-bytes"];

/// What is known of a module before it is changed.
#[derive(Default)]
struct Known {
    types: u32,
    imported_functions: u32,
    functions: u32,
    globals: u32,
    /// By index: the functions that take memory.
    allocators: BTreeMap<u32, Size>,
}

fn known(module: &[u8]) -> anyhow::Result<Known> {
    let mut known = Known::default();
    let mut named: BTreeMap<String, u32> = BTreeMap::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    known.types += u32::try_from(group?.types().len())?;
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    match import?.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => known.imported_functions += 1,
                        TypeRef::Global(_) => known.globals += 1,
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(section) => known.functions = section.count(),
            Payload::GlobalSection(section) => known.globals += section.count(),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(names) = section.as_known() else { continue };
                for name in names {
                    let Name::Function(functions) = name? else { continue };
                    for naming in functions {
                        let naming = naming?;
                        named.insert(format!("{:#}", rustc_demangle::demangle(naming.name)), naming.index);
                    }
                }
            }
            _ => {}
        }
    }
    let own = |name: &str| named.get(name).copied().filter(|index| *index >= known.imported_functions);
    let of = |all: &[(&str, Size)]| all.iter().filter_map(|(name, size)| Some((own(name)?, *size))).collect();
    known.allocators =
        ALLOCATORS.iter().map(|all| of(all)).find(|found: &BTreeMap<_, _>| !found.is_empty()).unwrap_or_default();
    Ok(known)
}

/// A module whose allocator counts; `None` where it names none.
pub(super) fn counting_module(module: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let known = known(module)?;
    if known.allocators.is_empty() {
        return Ok(None);
    }
    let mut out = Module::new();
    let mut same = RoundtripReencoder;
    let mut code = CodeSection::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::TypeSection(section) => {
                let mut types = TypeSection::new();
                same.parse_type_section(&mut types, section.clone())?;
                types.ty().function([], [ValType::I64]);
                out.section(&types);
            }
            Payload::FunctionSection(section) => {
                let mut functions = FunctionSection::new();
                same.parse_function_section(&mut functions, section.clone())?;
                for _ in COUNTERS {
                    functions.function(known.types);
                }
                out.section(&functions);
            }
            Payload::GlobalSection(section) => {
                let mut globals = GlobalSection::new();
                same.parse_global_section(&mut globals, section.clone())?;
                let counter = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
                for _ in COUNTERS {
                    globals.global(counter, &ConstExpr::i64_const(0));
                }
                out.section(&globals);
            }
            Payload::ExportSection(section) => {
                let mut exports = ExportSection::new();
                same.parse_export_section(&mut exports, section.clone())?;
                for (at, name) in (known.imported_functions + known.functions..).zip(COUNTERS) {
                    exports.export(name, ExportKind::Func, at);
                }
                out.section(&exports);
            }
            Payload::CodeSectionStart { .. } => {}
            Payload::CodeSectionEntry(body) => {
                let index = known.imported_functions + code.len();
                match known.allocators.get(&index) {
                    Some(size) => code.function(&counting_function(module, &known, *size, body)?),
                    None => code.raw(part(module, &body.range())?),
                };
                if code.len() == known.functions {
                    for global in known.globals..known.globals + 2 {
                        let mut getter = Function::new([]);
                        getter.instructions().global_get(global).end();
                        code.function(&getter);
                    }
                    out.section(&code);
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    out.section(&RawSection { id, data: part(module, &range)? });
                }
            }
        }
    }
    Ok(Some(out.finish()))
}

/// The function with a count before its own code.
fn counting_function(module: &[u8], known: &Known, size: Size, body: &FunctionBody<'_>) -> anyhow::Result<Function> {
    let mut locals = Vec::new();
    for group in body.get_locals_reader()? {
        let (count, of) = group?;
        locals.push((count, RoundtripReencoder.val_type(of)?));
    }
    let mut function = Function::new(locals);
    let (calls, bytes) = (known.globals, known.globals + 1);
    let mut code = function.instructions();
    code.global_get(calls);
    match size {
        Size::GoStack => code.local_get(0).i32_eqz().i64_extend_i32_u(),
        _ => code.i64_const(1),
    };
    code.i64_add().global_set(calls).global_get(bytes);
    match size {
        Size::Parameter(at) => code.local_get(at).i64_extend_i32_u(),
        Size::Product => code.local_get(0).local_get(1).i32_mul().i64_extend_i32_u(),
        Size::GoStack => {
            let first = MemArg { offset: 8, align: 3, memory_index: 0 };
            code.global_get(GO_STACK_POINTER).i64_load(first).local_get(0).i32_eqz().i64_extend_i32_u().i64_mul()
        }
    };
    code.i64_add().global_set(bytes);
    let own = body.get_binary_reader_for_operators()?.original_position()..body.range().end;
    function.raw(part(module, &own)?.iter().copied());
    Ok(function)
}

/// Returns the bytes of a section.
pub(super) fn part<'a>(of: &'a [u8], range: &Range<usize>) -> anyhow::Result<&'a [u8]> {
    of.get(range.clone()).context("a section that ends too soon")
}
