//! What registries say of a name: the records of a resolver, a registrar's entry, a repository's advisories. Each as text with a line
//! for each item, in order, without what changes by itself: so that two answers differ only where something was changed.

use std::collections::BTreeSet;

use serde::Deserialize;

/// Most items of an answer: more is no name's records.
const ITEMS_AT_MOST: usize = 1_000;

/// What a resolver answers in JSON over HTTPS.
#[derive(Deserialize)]
struct Resolved {
    #[serde(rename = "Status")]
    status: u16,
    #[serde(rename = "TC", default)]
    is_cut: bool,
    #[serde(rename = "Question", default)]
    questions: Vec<Question>,
    #[serde(rename = "Answer", default)]
    answers: Vec<Record>,
}

#[derive(Deserialize)]
struct Question {
    #[serde(rename = "type")]
    kind: u16,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "type")]
    kind: u16,
    data: String,
}

/// Types of records that have a name here, by their number.
const TYPES: [(u16, &str); 10] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (39, "DNAME"),
    (43, "DS"),
    (257, "CAA"),
];

/// Types by which a name stands for another.
const ALIASES: [u16; 2] = [5, 39];

/// The records that were asked for, and the names that lead to them: `A 192.0.2.1`. `NXDOMAIN` where there is no such name, `none` where it
/// has no such records. Times to live are left out.
pub(super) fn dns(json: &str) -> Result<String, String> {
    let resolved: Resolved =
        serde_json::from_str(json).map_err(|error| format!("it is no resolver's answer in JSON: {error}"))?;
    match resolved.status {
        0 => {}
        3 => return Ok("NXDOMAIN".to_owned()),
        status => return Err(format!("the resolver has no answer (code {status})")),
    }
    if resolved.is_cut {
        return Err("the resolver's answer is cut short".to_owned());
    }
    let asked: BTreeSet<u16> = resolved.questions.iter().map(|question| question.kind).collect();
    let counts = |record: &&Record| {
        asked.is_empty() || asked.contains(&record.kind) || asked.contains(&255) || ALIASES.contains(&record.kind)
    };
    let item = |record: &Record| {
        let kind = TYPES.iter().find(|(kind, _)| *kind == record.kind);
        let kind = kind.map_or_else(|| format!("TYPE{}", record.kind), |(_, name)| (*name).to_owned());
        // Names have no case, and texts do.
        let data = match record.kind {
            16 | 257 => record.data.clone(),
            _ => name(&record.data),
        };
        format!("{kind} {data}")
    };
    lines(resolved.answers.iter().filter(counts).map(item))
}

/// A registrar's entry of a domain (RFC 9083).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Domain {
    object_class_name: String,
    #[serde(default)]
    status: Vec<String>,
    #[serde(default)]
    nameservers: Vec<Nameserver>,
    #[serde(default, rename = "secureDNS")]
    secure_dns: Option<Secure>,
    #[serde(default)]
    entities: Vec<Entity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Nameserver {
    #[serde(default)]
    ldh_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secure {
    #[serde(default)]
    delegation_signed: bool,
    #[serde(default)]
    ds_data: Vec<Delegation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delegation {
    #[serde(default)]
    key_tag: u32,
    #[serde(default)]
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entity {
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    public_ids: Vec<PublicId>,
    #[serde(default)]
    handle: String,
}

#[derive(Deserialize)]
struct PublicId {
    #[serde(default)]
    identifier: String,
}

/// Who the registrar is, the name servers, the locks, and whether the zone is signed. Periods of grace come and go by themselves and
/// are left out, and so are dates.
pub(super) fn registrar(json: &str) -> Result<String, String> {
    let domain: Domain =
        serde_json::from_str(json).map_err(|error| format!("it is no registrar's entry (RFC 9083): {error}"))?;
    if domain.object_class_name != "domain" {
        return Err(format!("it is an entry of a `{:.40}`, and not of a domain", domain.object_class_name));
    }
    let mut items = Vec::new();
    for entity in domain.entities.iter().filter(|entity| entity.roles.iter().any(|role| role == "registrar")) {
        let id = entity.public_ids.first().map_or(&entity.handle, |id| &id.identifier);
        items.push(format!("registrar {id}"));
    }
    items.extend(domain.nameservers.iter().map(|server| format!("nameserver {}", name(&server.ldh_name))));
    let lasts = |status: &&String| !status.to_lowercase().ends_with(" period");
    items.extend(domain.status.iter().filter(lasts).map(|status| format!("status {}", status.to_lowercase())));
    if let Some(secure) = domain.secure_dns {
        items.push(format!("signed {}", secure.delegation_signed));
        items.extend(secure.ds_data.iter().map(|key| format!("key {} {}", key.key_tag, key.digest.to_lowercase())));
    }
    lines(items.into_iter())
}

/// An advisory of a repository, as GitHub lists it.
#[derive(Deserialize)]
struct Advisory {
    #[serde(alias = "id")]
    ghsa_id: String,
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default, alias = "withdrawn")]
    withdrawn_at: Option<String>,
}

/// The advisories that stand, each with its severity: `GHSA-… high`. `none` where there is none.
pub(super) fn advisories(json: &str) -> Result<String, String> {
    let all: Vec<Advisory> =
        serde_json::from_str(json).map_err(|error| format!("it is no list of advisories: {error}"))?;
    let stands = |it: &&Advisory| {
        it.withdrawn_at.is_none() && it.state.as_deref().is_none_or(|state| ["published", "open"].contains(&state))
    };
    let item = |it: &Advisory| format!("{} {}", it.ghsa_id, it.severity.as_deref().unwrap_or("unknown"));
    lines(all.iter().filter(stands).map(item))
}

/// A name without its dot at the end and without case.
fn name(data: &str) -> String {
    data.trim_end_matches('.').to_lowercase()
}

/// A line for each item, in order, each once.
fn lines(items: impl Iterator<Item = String>) -> Result<String, String> {
    let items: BTreeSet<String> = items.map(|item| item.replace(['\n', '\r'], " ")).collect();
    if items.len() > ITEMS_AT_MOST {
        return Err(format!("it has {} items, more than {ITEMS_AT_MOST}", items.len()));
    }
    if items.is_empty() {
        return Ok("none".to_owned());
    }
    Ok(items.into_iter().collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Result<String, String>, expected: Result<&str, &str>) {
        match (&found, expected) {
            (Err(found), Err(expected)) => assert!(found.starts_with(expected), "{found}"),
            _ => assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned)),
        }
    }

    #[test]
    fn records_of_a_resolver() {
        let answer = r#"{"Status":0,"TC":false,"Question":[{"name":"app.example.org.","type":1}],"Answer":[
            {"name":"app.example.org.","type":5,"TTL":30,"data":"Edge.Example.NET."},
            {"name":"edge.example.net.","type":1,"TTL":12,"data":"192.0.2.9"},
            {"name":"edge.example.net.","type":1,"TTL":12,"data":"192.0.2.1"},
            {"name":"edge.example.net.","type":46,"TTL":12,"data":"A 8 2 12 x"}]}"#;
        check(dns(answer), Ok("A 192.0.2.1\nA 192.0.2.9\nCNAME edge.example.net"));
        check(dns(&answer.replace("\"TTL\":12", "\"TTL\":7")), Ok("A 192.0.2.1\nA 192.0.2.9\nCNAME edge.example.net"));
        check(dns(r#"{"Status":3}"#), Ok("NXDOMAIN"));
        check(dns(r#"{"Status":0,"Question":[{"name":"x.","type":16}]}"#), Ok("none"));
        check(dns(r#"{"Status":0,"Answer":[{"type":16,"data":"\"v=DMARC1; P\""}]}"#), Ok("TXT \"v=DMARC1; P\""));
        check(dns(r#"{"Status":2}"#), Err("the resolver has no answer (code 2)"));
        check(dns(r#"{"Status":0,"TC":true}"#), Err("the resolver's answer is cut short"));
        check(dns("<html>"), Err("it is no resolver's answer in JSON: "));
    }

    #[test]
    fn a_registrars_entry() {
        let entry = r#"{"objectClassName":"domain","ldhName":"EXAMPLE.ORG","status":["client transfer prohibited","auto renew period"],
            "nameservers":[{"ldhName":"B.IANA-SERVERS.NET"},{"ldhName":"a.iana-servers.net."}],
            "secureDNS":{"delegationSigned":true,"dsData":[{"keyTag":370,"digest":"BE74"}]},
            "events":[{"eventAction":"last changed","eventDate":"2026-08-14T07:01:34Z"}],
            "entities":[{"roles":["registrar"],"handle":"x","publicIds":[{"type":"IANA Registrar ID","identifier":"376"}]},
                        {"roles":["registrant"]}]}"#;
        let said = "key 370 be74\nnameserver a.iana-servers.net\nnameserver b.iana-servers.net\nregistrar 376\nsigned true\n\
                    status client transfer prohibited";
        check(registrar(entry), Ok(said));
        check(registrar(&entry.replace("2026-08", "2027-08")), Ok(said));
        check(registrar(r#"{"objectClassName":"entity"}"#), Err("it is an entry of a `entity`, and not of a domain"));
        check(registrar("[]"), Err("it is no registrar's entry (RFC 9083): "));
    }

    #[test]
    fn advisories_that_stand() {
        let list = r#"[{"ghsa_id":"GHSA-2","severity":"high","state":"published","withdrawn_at":null},
            {"ghsa_id":"GHSA-1","severity":"critical","state":"published"},
            {"ghsa_id":"GHSA-3","severity":"low","state":"draft"},
            {"ghsa_id":"GHSA-4","severity":"low","state":"published","withdrawn_at":"2026-01-01T00:00:00Z"},
            {"id":"OSV-5"}]"#;
        check(advisories(list), Ok("GHSA-1 critical\nGHSA-2 high\nOSV-5 unknown"));
        check(advisories("[]"), Ok("none"));
        check(advisories(r#"{"message":"Not Found"}"#), Err("it is no list of advisories: "));
    }
}
