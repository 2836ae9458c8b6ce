//! WASI's first preview with nothing behind it, for modules of toolchains that insist on it.
//!
//! No arguments, no environment, no files, a clock that stands still, zeros for randomness, output that is dropped. It
//! imports only the guest's memory, so a language runtime may call it at any moment, also while the host hands over a
//! list. Error numbers are those of `wasi_snapshot_preview1`: 0 success, 8 bad descriptor, 52 not supported.

use wasm_encoder::{
    BlockType, CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection,
    InstructionSink, MemArg, MemoryType, Module, TypeSection, ValType,
};

const I32: ValType = ValType::I32;
const I64: ValType = ValType::I64;

const BAD_DESCRIPTOR: i32 = 8;
const NOT_SUPPORTED: i32 = 52;
/// Bytes of an `event` that `poll_oneoff` writes.
const EVENT_SIZE: i32 = 32;
/// Bytes of an `fdstat`.
const FDSTAT_SIZE: i32 = 24;

/// A function of the adapter: name, parameters, whether it returns an error number, further locals, body.
type Export = (&'static str, &'static [ValType], bool, u32, fn(&mut InstructionSink<'_>));

const EXPORTS: [Export; 22] = [
    ("args_sizes_get", &[I32, I32], true, 0, two_zeros),
    ("args_get", &[I32, I32], true, 0, success),
    ("environ_sizes_get", &[I32, I32], true, 0, two_zeros),
    ("environ_get", &[I32, I32], true, 0, success),
    // Go's runtime ends at a clock of zero.
    ("clock_time_get", &[I32, I64, I32], true, 0, |code| one_at(code, 2)),
    ("clock_res_get", &[I32, I32], true, 0, |code| one_at(code, 1)),
    ("random_get", &[I32, I32], true, 0, |code| {
        code.local_get(0).i32_const(0).local_get(1).memory_fill(0).i32_const(0);
    }),
    ("sched_yield", &[], true, 0, success),
    ("proc_exit", &[I32], false, 0, |code| {
        code.unreachable();
    }),
    ("adapter_monotonic_clock_set_paused", &[I32], false, 0, |_| {}),
    ("poll_oneoff", &[I32, I32, I32, I32], true, 0, all_ready),
    ("fd_write", &[I32, I32, I32, I32], true, 1, all_written),
    ("fd_read", &[I32, I32, I32, I32], true, 0, |code| {
        code.local_get(3).i32_const(0).i32_store(word(0)).i32_const(0);
    }),
    ("fd_close", &[I32], true, 0, success),
    ("fd_fdstat_get", &[I32, I32], true, 0, |code| {
        code.local_get(1).i32_const(0).i32_const(FDSTAT_SIZE).memory_fill(0).i32_const(0);
    }),
    ("fd_fdstat_set_flags", &[I32, I32], true, 0, success),
    ("fd_seek", &[I32, I64, I32, I32], true, 0, |code| {
        code.i32_const(NOT_SUPPORTED);
    }),
    ("fd_prestat_get", &[I32, I32], true, 0, bad_descriptor),
    ("fd_prestat_dir_name", &[I32, I32, I32], true, 0, bad_descriptor),
    ("fd_filestat_get", &[I32, I32], true, 0, bad_descriptor),
    ("path_open", &[I32, I32, I32, I32, I32, I64, I64, I32, I32], true, 0, bad_descriptor),
    ("path_filestat_get", &[I32, I32, I32, I32, I32], true, 0, bad_descriptor),
];

/// Returns the adapter as a core module.
pub(super) fn adapter() -> Vec<u8> {
    let mut types = TypeSection::new();
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    let mut bodies = CodeSection::new();
    for (index, (name, params, fails, locals, body)) in (0_u32..).zip(EXPORTS) {
        types.ty().function(params.iter().copied(), fails.then_some(I32));
        functions.function(index);
        exports.export(name, ExportKind::Func, index);
        let mut function = Function::new((locals > 0).then_some((locals, I32)));
        body(&mut function.instructions());
        function.instructions().end();
        bodies.function(&function);
    }
    let mut imports = ImportSection::new();
    let memory = MemoryType { minimum: 0, maximum: None, memory64: false, shared: false, page_size_log2: None };
    imports.import("env", "memory", EntityType::Memory(memory));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&exports).section(&bodies);
    module.finish()
}

fn word(offset: u64) -> MemArg {
    MemArg { offset, align: 2, memory_index: 0 }
}

fn success(code: &mut InstructionSink<'_>) {
    code.i32_const(0);
}

fn bad_descriptor(code: &mut InstructionSink<'_>) {
    code.i32_const(BAD_DESCRIPTOR);
}

/// Writes a zero to each of two addresses.
fn two_zeros(code: &mut InstructionSink<'_>) {
    code.local_get(0).i32_const(0).i32_store(word(0));
    code.local_get(1).i32_const(0).i32_store(word(0));
    code.i32_const(0);
}

/// Writes a 64-bit one to the address in parameter `place`.
fn one_at(code: &mut InstructionSink<'_>, place: u32) {
    code.local_get(place).i64_const(1).i64_store(MemArg { offset: 0, align: 3, memory_index: 0 }).i32_const(0);
}

/// Ends each wait at once: parameters are subscriptions, events, their count, and where to write how many are ready.
fn all_ready(code: &mut InstructionSink<'_>) {
    code.local_get(1).i32_const(0).local_get(2).i32_const(EVENT_SIZE).i32_mul().memory_fill(0);
    code.local_get(3).local_get(2).i32_store(word(0)).i32_const(0);
}

/// Says that all pieces were written: parameters are descriptor, pieces (address and length each), their count, and where
/// to write the sum of their lengths.
fn all_written(code: &mut InstructionSink<'_>) {
    let (pieces, count, written, sum) = (1, 2, 3, 4);
    code.loop_(BlockType::Empty).local_get(count).if_(BlockType::Empty);
    code.local_get(sum).local_get(pieces).i32_load(word(4)).i32_add().local_set(sum);
    code.local_get(pieces).i32_const(8).i32_add().local_set(pieces);
    code.local_get(count).i32_const(1).i32_sub().local_set(count);
    code.br(1).end().end();
    code.local_get(written).local_get(sum).i32_store(word(0)).i32_const(0);
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_valid_and_imports_only_memory() {
        let bytes = super::adapter();
        wasmparser::validate(&bytes).unwrap();
        let imports: Vec<_> = wasmparser::Parser::new(0)
            .parse_all(&bytes)
            .filter_map(|part| match part.unwrap() {
                wasmparser::Payload::ImportSection(section) => Some(section.into_imports().count()),
                _ => None,
            })
            .collect();
        assert_eq!(imports, [1]);
    }
}
