//! Exact numbers, and expressions over them.

#![allow(clippy::unwrap_used)]

use rules::language::{Constants, Expression, Number, Scope, Slots, Type, Value};
use watchfire_sdk::prelude::*;

fn value(text: &str) -> String {
    let mut scope = Scope::default();
    scope.add("a", Type::Number);
    scope.add("big", Type::Number);
    scope.add("who", Type::Address);
    scope.add("list", Type::List(Type::Number.into()));
    let shared = [
        Value::number(-7_i128),
        Value::number(U256::MAX),
        Value::Address(Address::with_last_byte(0xaa)),
        Value::List([1_u64, 5, 9].map(Value::number).to_vec().into()),
    ];
    match Expression::new(text, &scope, &Constants::default()) {
        Ok(expression) => match expression.evaluate(&Slots { shared: &shared, own: &[] }) {
            Ok(value) => value.to_string(),
            Err(error) => format!("failed: {error}"),
        },
        Err(mistake) => format!("wrong: {mistake}"),
    }
}

#[test]
fn arithmetic_loses_nothing() {
    let max = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    for (text, expected) in [
        ("1_000_000 * 10^6", "1000000000000"),
        ("1.5e18", "1500000000000000000"),
        ("big", max),
        ("big == 2^256 - 1", "true"),
        ("big * big / big == big", "true"),
        ("(big * big - 1) % big == big - 1", "true"),
        ("1 / 3 * 3 == 1", "true"),
        ("1 / 3", "0.333333"),
        ("a / 2", "-3.5"),
        ("floor(a / 2)", "-4"),
        ("a % 4", "-3"),
        ("a % -4", "-3"),
        ("7 % -4", "3"),
        ("a % (a + 7)", "failed: division by zero"),
        ("(0 - 2^127) % -1", "0"),
        ("(0 - 2^127) / -1 == 2^127", "true"),
        ("10 / 4 == 2.5 && 10 / -4 == -2.5 && -10 / -4 == 2.5", "true"),
        ("6 / 4", "1.5"),
        ("6 / 4 == 3 / 2", "true"),
        ("(2^127 - 1) / (2^126) * 2^126 == 2^127 - 1", "true"),
        ("(0 - 2^127) / 3 * 3 == 0 - 2^127", "true"),
        ("3 / (0 - 2^127) * (0 - 2^127) == 3", "true"),
        ("-a - 10", "-3"),
        ("abs(a) + min(1, 2) + max(1, 2)", "10"),
        ("fixed(a / 3, 2)", "-2.33"),
        ("fixed(1 / 1000, 2)", "0.00"),
        ("units(1_234_567, 6)", "1.234567"),
        ("pow(10, 18) == 10^18", "true"),
        ("1 / 10^18", "0.000000000000000001"),
        ("big * big * big", "failed: a number has more than 575 bits"),
        ("a / (a + 7)", "failed: division by zero"),
        ("0.1 + 0.2 == 0.3", "true"),
        ("0xff == 255", "true"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn comparisons_lists_and_choices_mean_what_they_say() {
    for (text, expected) in [
        ("who == 0x00000000000000000000000000000000000000aa", "true"),
        ("who in [0x00000000000000000000000000000000000000ab, 0x00000000000000000000000000000000000000aa]", "true"),
        ("5 in list && !(4 in list)", "true"),
        ("list.exists(x, x > 8) && list.all(x, x < 10) && list.exists_one(x, x == 5)", "true"),
        ("list.exists(x, x > 9)", "false"),
        ("list[2] + size(list)", "12"),
        ("list[3]", "failed: an index is past the end of its list"),
        ("a < 0 ? \"below\" : \"above\"", "below"),
        ("'AbC'.lower().contains('bc')", "true"),
        ("a < 0 || 1 / 0 > 1", "true"),
        ("selector(0xa9059cbb00) == 0xa9059cbb", "true"),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn mistakes_are_found_before_anything_runs() {
    for (text, expected) in [
        ("a + who", "wrong: line 1, column 5: what is calculated with is a number, and this is an address"),
        ("a == who", "wrong: line 1, column 1: a number is never equal to an address"),
        ("a in list && b", "wrong: line 1, column 14: there is no `b`"),
        ("a &&\n  1 > 0", "wrong: line 1, column 1: a side of `&&` or `||` is a bool"),
        ("min(1)", "wrong: line 1, column"),
        ("mim(1, 2)", "wrong: line 1, column"),
        ("list.map(x, x)", "wrong: line 1, column"),
        ("{1: 2}", "wrong: line 1, column"),
        (
            "0x52908400098527886E0F7030069857D2E4169Ee7 == who",
            "wrong: line 1, column 1: `0x52908400098527886E0F7030069857D2E4169Ee7` has a wrong checksum",
        ),
        ("", "wrong: line 1, column 1: there is no expression"),
        ("((((((", "wrong: line 1, column"),
    ] {
        let found = value(text);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
}

/// Against arithmetic over machine words, where both can.
#[test]
fn small_and_large_agree() {
    let mut random = 9_u64;
    let mut draw = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i128::from((random >> 20) as i64 % 1_000_000) - 500_000
    };
    let huge = Number::Small(2).power(&Number::Small(300)).unwrap();
    for _ in 0..2_000 {
        let (a, b) = (draw(), draw());
        let (x, y) = (Number::Small(a), Number::Small(b));
        assert_eq!(x.multiply(&y).unwrap(), Number::Small(a * b));
        assert_eq!(x.multiply(&huge).unwrap().add(&y).unwrap().subtract(&x.multiply(&huge).unwrap()).unwrap(), y);
        assert_eq!(x.cmp(&y), a.cmp(&b));
        if b != 0 {
            let quotient = x.divide(&y).unwrap();
            assert_eq!(quotient.multiply(&y).unwrap(), x);
            assert_eq!(quotient.floor(), Number::Small(a.div_euclid(b) - i128::from(b < 0 && a.rem_euclid(b) != 0)));
            let other = Number::Small(a + 1).divide(&y).unwrap();
            assert_eq!(quotient < other, b > 0);
        }
    }
}
