//! The interface may grow and must not change: what a frozen version has, the one of today has in the same shape.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wit_parser::{Handle, PackageId, Resolve, Type, TypeDefKind, TypeId, WorldItem};

type Shapes = BTreeMap<String, String>;

fn wit(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit").join(folder)
}

fn load(folder: &Path) -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap_or_else(|error| panic!("{}: {error:#}", folder.display()));
    (resolve, package)
}

/// Every function, type and export with its full shape, by its full name.
fn shapes(resolve: &Resolve, package: PackageId) -> Shapes {
    let mut shapes = Shapes::new();
    let package = &resolve.packages[package];
    for (interface_name, &interface) in &package.interfaces {
        let interface = &resolve.interfaces[interface];
        for (name, &id) in &interface.types {
            shapes.insert(format!("{interface_name}.{name}"), definition(resolve, id));
        }
        for (name, function) in &interface.functions {
            let params: Vec<String> = function
                .params
                .iter()
                .map(|param| format!("{}: {}", param.name, reference(resolve, &param.ty)))
                .collect();
            let result = function.result.map_or(String::new(), |ty| format!(" -> {}", reference(resolve, &ty)));
            shapes.insert(format!("{interface_name}.{name}"), format!("func({}){result}", params.join(", ")));
        }
    }
    for (world_name, &world) in &package.worlds {
        let world = &resolve.worlds[world];
        for (key, item) in world.exports.iter().chain(&world.imports) {
            if let WorldItem::Interface { .. } = item {
                let way = if world.exports.contains_key(key) { "export" } else { "import" };
                shapes.insert(format!("{world_name} {way}s {}", resolve.name_world_key(key)), way.to_owned());
            }
        }
    }
    shapes
}

fn definition(resolve: &Resolve, id: TypeId) -> String {
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => {
            let fields: Vec<String> = record
                .fields
                .iter()
                .map(|field| format!("{}: {}", field.name, reference(resolve, &field.ty)))
                .collect();
            format!("record {{ {} }}", fields.join(", "))
        }
        TypeDefKind::Variant(variant) => {
            let cases: Vec<String> = variant
                .cases
                .iter()
                .map(|case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, reference(resolve, ty)),
                    None => case.name.clone(),
                })
                .collect();
            format!("variant {{ {} }}", cases.join(", "))
        }
        TypeDefKind::Enum(labels) => {
            let labels: Vec<&str> = labels.cases.iter().map(|case| case.name.as_str()).collect();
            format!("enum {{ {} }}", labels.join(", "))
        }
        TypeDefKind::Resource => "resource".to_owned(),
        TypeDefKind::Type(ty) => format!("type {}", reference(resolve, ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", reference(resolve, ty)),
        TypeDefKind::List(ty) => format!("list<{}>", reference(resolve, ty)),
        TypeDefKind::Result(result) => {
            let side = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), |ty| reference(resolve, ty));
            format!("result<{}, {}>", side(&result.ok), side(&result.err))
        }
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(|ty| reference(resolve, ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", name(resolve, *id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", name(resolve, *id)),
        other => format!("FORBIDDEN {}", other.as_str()),
    }
}

fn name(resolve: &Resolve, id: TypeId) -> String {
    resolve.types[id].name.clone().unwrap_or_else(|| definition(resolve, id))
}

fn reference(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => name(resolve, *id),
        Type::Bool => "bool".to_owned(),
        Type::U8 => "u8".to_owned(),
        Type::U16 => "u16".to_owned(),
        Type::U32 => "u32".to_owned(),
        Type::U64 => "u64".to_owned(),
        Type::S8 => "s8".to_owned(),
        Type::S16 => "s16".to_owned(),
        Type::S32 => "s32".to_owned(),
        Type::S64 => "s64".to_owned(),
        Type::F32 => "f32".to_owned(),
        Type::F64 => "f64".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "string".to_owned(),
        Type::ErrorContext => "FORBIDDEN error-context".to_owned(),
    }
}

/// What a guest of the old interface would miss in the new one.
fn breaks(old: &Shapes, new: &Shapes) -> Vec<String> {
    old.iter()
        .filter_map(|(name, shape)| match new.get(name) {
            None => Some(format!("{name} is gone")),
            Some(now) if now != shape => Some(format!("{name} was {shape} and is {now}")),
            Some(_) => None,
        })
        .collect()
}

/// Whether a guest of `old` must run on a host of `new`: the rule by which wasmtime looks up imports.
fn is_compatible_version(old: &semver::Version, new: &semver::Version) -> bool {
    old <= new && old.major == new.major && (old.major > 0 || old.minor == new.minor)
}

#[test]
fn todays_interface_keeps_every_frozen_one() {
    let (resolve, package) = load(&wit("detector"));
    let today = shapes(&resolve, package);
    let version = resolve.packages[package].name.version.clone().unwrap();
    let mut compared = 0;
    for folder in std::fs::read_dir(wit("frozen")).unwrap() {
        let folder = folder.unwrap().path();
        let (old, old_package) = load(&folder);
        let old_version = old.packages[old_package].name.version.clone().unwrap();
        assert_eq!(folder.file_name().unwrap().to_str().unwrap(), old_version.to_string(), "the folder is its version");
        if is_compatible_version(&old_version, &version) {
            let broken = breaks(&shapes(&old, old_package), &today);
            assert!(broken.is_empty(), "guests of {old_version} break:\n{}", broken.join("\n"));
            compared += 1;
        }
    }
    assert!(compared > 0, "no frozen version is compatible with {version}");
}

#[test]
fn nothing_in_the_interface_is_beyond_some_language() {
    let (resolve, package) = load(&wit("detector"));
    let forbidden: Vec<String> = shapes(&resolve, package)
        .into_iter()
        .filter(|(_, shape)| shape.contains("FORBIDDEN"))
        .map(|(n, _)| n)
        .collect();
    assert!(forbidden.is_empty(), "flags, maps, streams, futures and fixed-length lists: {forbidden:?}");
}

#[test]
fn a_change_is_told_from_growth() {
    let shapes_of = |text: &str| {
        let mut resolve = Resolve::default();
        let package = resolve.push_str("a.wit", text).unwrap();
        shapes(&resolve, package)
    };
    let old = shapes_of("package a:b@0.1.0; interface i { record r { x: u8 } f: func(a: r) -> u32; }");
    let check = |text: &str, expected: &[&str]| assert_eq!(breaks(&old, &shapes_of(text)), expected);
    check("package a:b@0.1.1; interface i { record r { x: u8 } f: func(a: r) -> u32; g: func(); }", &[]);
    check(
        "package a:b@0.1.1; interface i { record r { x: u8, y: u8 } f: func(a: r) -> u32; }",
        &["i.r was record { x: u8 } and is record { x: u8, y: u8 }"],
    );
    check(
        "package a:b@0.1.1; interface i { record r { x: u8 } f: func(a: r) -> u64; }",
        &["i.f was func(a: r) -> u32 and is func(a: r) -> u64"],
    );
    check("package a:b@0.1.1; interface i { record r { x: u8 } }", &["i.f is gone"]);
}
