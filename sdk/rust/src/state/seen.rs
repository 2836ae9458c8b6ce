//! What was seen a while ago.

use super::{StateError, delete, get_raw, put_raw, scan};

/// At most this many that have run out are removed with each insert, so that no insert is dear.
const PRUNED_AT_ONCE: u32 = 8;

/// A set whose members run out after a span of chain time.
pub struct Seen {
    key: Vec<u8>,
    ttl_s: u64,
}

impl Seen {
    /// The set under a key; its members run out after `ttl_s` seconds of chain time.
    pub fn at(key: Vec<u8>, ttl_s: u64) -> Self {
        Self { key, ttl_s }
    }

    fn member(&self, member: &[u8]) -> Vec<u8> {
        [&self.key[..], b"\0m", member].concat()
    }

    fn expiry(&self, expires_s: u64, member: &[u8]) -> Vec<u8> {
        [&self.key[..], b"\0x", &expires_s.to_be_bytes(), member].concat()
    }

    fn expires_s(&self, member: &[u8]) -> Option<u64> {
        get_raw(&self.member(member))?.try_into().ok().map(u64::from_be_bytes)
    }

    /// Whether it is a member at this chain time.
    pub fn contains(&self, member: &[u8], now_s: u64) -> bool {
        self.expires_s(member).is_some_and(|expires_s| expires_s > now_s)
    }

    /// Makes it a member, anew where it was one, and says whether it was none before.
    pub fn insert(&self, member: &[u8], now_s: u64) -> Result<bool, StateError> {
        self.prune(now_s);
        let before = self.expires_s(member);
        if let Some(expires_s) = before {
            delete(&self.expiry(expires_s, member));
        }
        let expires_s = now_s.saturating_add(self.ttl_s);
        put_raw(&self.member(member), &expires_s.to_be_bytes())?;
        put_raw(&self.expiry(expires_s, member), &[])?;
        Ok(before.is_none_or(|expires_s| expires_s <= now_s))
    }

    fn prune(&self, now_s: u64) {
        let prefix = [&self.key[..], b"\0x"].concat();
        for (key, _) in scan(&prefix, None, PRUNED_AT_ONCE) {
            let Some((expires_s, member)) = key[prefix.len()..].split_first_chunk::<8>() else { continue };
            if u64::from_be_bytes(*expires_s) > now_s {
                break;
            }
            delete(&self.member(member));
            delete(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_run_out_and_leave_nothing_behind() {
        crate::testing::state::clear();
        let seen = Seen::at(b"owners".to_vec(), 10);
        assert!(seen.insert(b"a", 100).unwrap());
        assert!(!seen.insert(b"a", 105).unwrap(), "still in");
        assert!(seen.contains(b"a", 114));
        assert!(!seen.contains(b"a", 115), "ten seconds after it was last inserted");
        assert!(seen.insert(b"a", 115).unwrap());
        assert!(seen.insert(b"b", 200).unwrap());
        assert_eq!(crate::testing::state::entries().len(), 2, "`a` has run out and is gone");
    }
}
