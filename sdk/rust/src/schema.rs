//! JSON Schemas of the field's own types, for `#[schemars(with = "schema::Address")]`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The schema of a config as JSON text.
pub fn of<T: JsonSchema>() -> String {
    schemars::schema_for!(T).as_value().to_string()
}

macro_rules! text_schema {
    ($(#[$doc:meta])* $name:ident, $title:literal, $pattern:literal, $description:literal) => {
        $(#[$doc])*
        pub struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $title.into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $description })
            }
        }
    };
}

text_schema! {
    /// An account or contract: `0x` and 40 hexadecimal digits.
    Address, "Address", "^0x[0-9a-fA-F]{40}$", "An address: `0x` and 40 hexadecimal digits."
}
text_schema! {
    /// A hash, slot or topic: `0x` and 64 hexadecimal digits.
    Hash, "Hash", "^0x[0-9a-fA-F]{64}$", "A hash: `0x` and 64 hexadecimal digits."
}
/// A number as text, so that no digit is lost, or a whole number.
pub struct Decimal;

impl JsonSchema for Decimal {
    fn schema_name() -> Cow<'static, str> {
        "Decimal".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$",
            "description": "A decimal number as text, so that no digit is lost, or a whole number.",
        })
    }
}
