//! Whether a detector that is to be taken would hear what its publisher says that it needs of others.

use crate::app::config::Sharing;
use crate::share::package::Listens;
use crate::text::line;

impl Sharing {
    /// Returns a line for each kind of finding that a detector listens to and that nothing makes here, as far as the lock knows:
    /// what components of files make is known to who starts them.
    pub fn unheard(&self, id: &str, listens: &[Listens]) -> Vec<String> {
        let others = self.lock.detector.iter().filter(|(other, _)| *other != id && self.detectors.contains_key(*other));
        let others: Vec<_> = others.map(|(other, locked)| (other, &locked.pin)).collect();
        let has_files = self.detectors.iter().any(|(other, wanted)| other != id && !wanted.is_shared());
        let is_made = |one: &Listens| {
            others.iter().any(|(other, pin)| {
                let named = one.detector.as_ref().is_none_or(|name| name == *other || *name == pin.name);
                named && pin.kinds.contains_key(&one.kind)
            })
        };
        let unheard = listens.iter().filter(|one| !is_made(one));
        let lines = unheard.map(|one| {
            let of = one.detector.as_ref().map_or_else(String::new, |name| format!(" of `{}`", line(name, 120)));
            let kind = line(&one.kind, 120);
            match has_files {
                true => format!(
                    "it listens to `{kind}`{of}, and no detector of a registry makes that here; `watchfire check` says whether \
                     one of your own does"
                ),
                false => format!("it listens to `{kind}`{of}, and no detector makes that here: take one that does as well"),
            }
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::app::share::adopt::sample::sharing;
    use crate::share::lock::{Pin, sample};

    #[test]
    fn what_nothing_makes_is_named_by_kind_and_detector() {
        let folder = tempfile::tempdir().unwrap();
        let outflow = "[detector.outflow]\ncomponent = \"oci://localhost:5000/harbor/outflow:1.0.0\"\n";
        let mut known = sharing(folder.path(), |text| format!("{text}{outflow}"));
        let kinds = BTreeMap::from([("large-outflow".to_owned(), "high".to_owned())]);
        known.lock.pin("outflow", Pin { kinds, ..sample::pin() });
        let needs = |kind: &str, detector: Option<&str>| {
            vec![Listens { kind: kind.into(), detector: detector.map(str::to_owned) }]
        };
        for met in [needs("large-outflow", None), needs("large-outflow", Some("outflow"))] {
            assert_eq!(known.unheard("combiner", &met), [""; 0]);
        }
        let told = known.unheard("combiner", &needs("large-outflow", Some("other")));
        assert_eq!(
            told,
            ["it listens to `large-outflow` of `other`, and no detector makes that here: take one that does as well"]
        );
        assert_eq!(known.unheard("outflow", &needs("large-outflow", None)).len(), 1, "nobody hears itself");
        let file = "[detector.own]\ncomponent = \"own.wasm\"\n";
        let known = sharing(folder.path(), |text| format!("{text}{file}"));
        assert!(known.unheard("combiner", &needs("a", None))[0].contains("`watchfire check` says whether"));
    }
}
