//! Who runs which node: nodes of one operator agree with each other whatever the chain is.

use std::net::IpAddr;

/// The operator of a node on the host's own machine.
const OWN: &str = "this machine";

/// Returns who runs a node, by what people see of it: the domain of its URL. A name of three and more parts is one of the domain that
/// its last two say.
pub(super) fn operator_of(label: &str) -> String {
    let Some((_, rest)) = label.split_once("://") else { return OWN.to_owned() };
    let host = match rest.strip_prefix('[') {
        Some(of_v6) => of_v6.split(']').next().unwrap_or_default(),
        None => rest.split(':').next().unwrap_or_default(),
    };
    if let Ok(address) = host.parse::<IpAddr>() {
        return if address.is_loopback() { OWN.to_owned() } else { host.to_owned() };
    }
    if host.eq_ignore_ascii_case("localhost") {
        return OWN.to_owned();
    }
    let mut parts: Vec<&str> = host.rsplit('.').take(2).collect();
    parts.reverse();
    parts.join(".").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(label: &str, expected: &str) {
        assert_eq!(operator_of(label), expected, "{label}");
    }

    #[test]
    fn a_domain_and_a_machine_are_one_operator() {
        check("https://eth.node.example", "node.example");
        check("wss://ETH2.Node.Example:8546", "node.example");
        check("http://127.0.0.1:8545", "this machine");
        check("http://[::1]:8545", "this machine");
        check("http://localhost:8546", "this machine");
        check("ipc:geth.ipc", "this machine");
        check("http://10.0.0.7:8545", "10.0.0.7");
        check("http://geth:8545", "geth");
    }
}
