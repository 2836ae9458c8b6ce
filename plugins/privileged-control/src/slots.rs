//! Changes of control that only storage tells of.

use watchfire_sdk::batch::StorageChange;
use watchfire_sdk::prelude::*;

use crate::change::Change;
use crate::config::Kind;

/// A storage slot with a meaning.
pub(crate) struct Slot {
    pub(crate) at: B256,
    /// What the slot's number is made of, for the test of this table.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) name: &'static str,
    meaning: Meaning,
}

#[derive(Clone, Copy)]
enum Meaning {
    Implementation,
    Admin,
    Beacon,
}

/// Where proxies keep what they run and who may change it: EIP-1967, its forerunner by OpenZeppelin, EIP-1822,
/// Polygon's.
pub(crate) const KNOWN: [Slot; 8] = [
    Slot {
        at: b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"),
        name: "eip1967.proxy.implementation",
        meaning: Meaning::Implementation,
    },
    Slot {
        at: b256!("0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"),
        name: "eip1967.proxy.admin",
        meaning: Meaning::Admin,
    },
    Slot {
        at: b256!("0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"),
        name: "eip1967.proxy.beacon",
        meaning: Meaning::Beacon,
    },
    Slot {
        at: b256!("0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"),
        name: "org.zeppelinos.proxy.implementation",
        meaning: Meaning::Implementation,
    },
    Slot {
        at: b256!("0x10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b"),
        name: "org.zeppelinos.proxy.admin",
        meaning: Meaning::Admin,
    },
    Slot {
        at: b256!("0xc5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"),
        name: "PROXIABLE",
        meaning: Meaning::Implementation,
    },
    Slot {
        at: b256!("0xbaab7dbf64751104133af04abc7d9979f0fda3b059a322a8333f533d3f32bf7f"),
        name: "matic.network.proxy.implementation",
        meaning: Meaning::Implementation,
    },
    Slot {
        at: b256!("0x44f6e2e8884cba1236b7f22f351fa5d88b17292b7e0225ca47e5ecdf6055cdd6"),
        name: "matic.network.proxy.owner",
        meaning: Meaning::Admin,
    },
];

/// Where a Safe keeps the address of its own code. A delegatecall that writes here takes the Safe over without any
/// event.
pub(crate) const SAFE_SINGLETON: B256 = B256::ZERO;

/// Where Compound's Unitroller, and those modelled on it, keep their admin.
pub(crate) const UNITROLLER_ADMIN: B256 = B256::ZERO;

/// Where they keep the address of their code.
pub(crate) const UNITROLLER_IMPLEMENTATION: B256 = B256::with_last_byte(2);

/// The change that a slot tells of; `None` where the slot has no such meaning or holds what it held.
pub(crate) fn read(change: &StorageChange<'_>, kind: Kind) -> Option<Change> {
    let slot = change.slot();
    let meaning = match KNOWN.iter().find(|known| known.at == slot) {
        Some(known) => known.meaning,
        None if kind == Kind::Safe && slot == SAFE_SINGLETON => Meaning::Implementation,
        None if kind == Kind::Unitroller && slot == UNITROLLER_ADMIN => Meaning::Admin,
        None if kind == Kind::Unitroller && slot == UNITROLLER_IMPLEMENTATION => Meaning::Implementation,
        None => return None,
    };
    let (from, to) = (Address::from_word(change.before()), Address::from_word(change.after()));
    if from == to {
        return None;
    }
    let (kind, name, title) = match meaning {
        Meaning::Implementation => ("implementation-slot-changed", "implementation", format!("runs the code of {to}")),
        Meaning::Admin => ("proxy-admin-changed", "new-admin", format!("the proxy's admin is {to}")),
        Meaning::Beacon => ("beacon-upgraded", "beacon", format!("its beacon is {to}")),
    };
    let description =
        format!("Storage slot {slot} held {from} and holds {to}, and no event of this contract told of it.");
    let change = Change::new(kind, Severity::Critical, format!("{title}, without an event"), &description);
    Some(change.to(name, to).with("previous", from).with("slot", slot))
}

#[cfg(test)]
mod tests {
    use watchfire_sdk::alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn slots_are_where_the_standards_put_them() {
        for slot in KNOWN {
            let hash = U256::from_be_bytes(keccak256(slot.name).0);
            let less = if slot.name.starts_with("eip1967") { U256::from(1) } else { U256::ZERO };
            assert_eq!(U256::from_be_bytes(slot.at.0), hash - less, "{}", slot.name);
        }
    }
}
