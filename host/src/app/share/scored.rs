//! How good a detector is, by the backtest that travels with it.

use serde_json::Value;

/// The figures that people compare, as a backtest names them.
const FIGURES: [&str; 4] = ["precision", "recall", "findings", "blocks"];

/// Returns the figures of a score by name; those that it has.
pub fn figures(score: &Value) -> Vec<(&'static str, f64)> {
    FIGURES.iter().filter_map(|name| Some((*name, find(score, name)?))).collect()
}

/// Returns the digest of the recordings and labels that a score was made of; `None` if it does not say.
pub fn data(score: &Value) -> Option<&str> {
    score.get("data")?.get("digest")?.as_str()
}

/// Returns the first number of a name, anywhere in a value.
fn find(value: &Value, key: &str) -> Option<f64> {
    match value {
        Value::Object(fields) => {
            let own = fields.get(key).and_then(Value::as_f64);
            own.or_else(|| fields.values().find_map(|inner| find(inner, key)))
        }
        Value::Array(values) => values.iter().find_map(|inner| find(inner, key)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_wherever_a_backtest_has_them() {
        let score = serde_json::json!({
            "blocks": 25, "points": [{ "all": { "findings": 3, "score": { "precision": 0.5 } } }],
            "data": { "digest": "sha256:ab" },
        });
        assert_eq!(figures(&score), [("precision", 0.5), ("findings", 3.0), ("blocks", 25.0)]);
        assert_eq!(data(&score), Some("sha256:ab"));
        assert!(figures(&serde_json::json!([])).is_empty());
    }
}
