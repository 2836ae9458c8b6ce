//! Delegatecalls that a Safe makes: foreign code that runs as the Safe's own.

use watchfire_sdk::batch::{Frame, FrameKind};
use watchfire_sdk::prelude::*;

use crate::change::Change;

sol! {
    function execTransaction(
        address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice,
        address gasToken, address refundReceiver, bytes signatures
    ) returns (bool success);
    function execTransactionFromModule(address to, uint256 value, bytes data, uint8 operation) returns (bool success);
    function execTransactionFromModuleReturnData(address to, uint256 value, bytes data, uint8 operation)
        returns (bool success, bytes returnData);
}

/// Safe's own libraries that can do no more than batch plain calls (MultiSendCallOnly 1.3.0, its variant for chains
/// with replay protection, and 1.4.1).
const ONLY_CALLS: [Address; 3] = [
    address!("0x40A2aCCbd92BCA938b02010E17A5b8929b49130D"),
    address!("0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B"),
    address!("0x9641d764fc13c8B624c04430C7356C1C7C8102e2"),
];

/// `operation` of a delegatecall.
const DELEGATECALL: u8 = 1;

/// The calls by which these contracts, if they are Safes, are told what to do.
pub(crate) fn frames(safes: impl IntoIterator<Item = Address>) -> FrameFilter {
    FrameFilter::default()
        .targets(safes)
        .kind(FrameKind::Call)
        .function::<execTransactionCall>()
        .function::<execTransactionFromModuleCall>()
        .function::<execTransactionFromModuleReturnDataCall>()
}

/// The delegatecall that a call orders; `None` where it orders none, or it failed.
pub(crate) fn read(frame: &Frame<'_>) -> Option<Change> {
    let input = frame.input();
    let (to, operation, by_module) = match frame.selector()? {
        execTransactionCall::SELECTOR => {
            let call = execTransactionCall::abi_decode(input).ok()?;
            (call.to, call.operation, false)
        }
        execTransactionFromModuleCall::SELECTOR => {
            let call = execTransactionFromModuleCall::abi_decode(input).ok()?;
            (call.to, call.operation, true)
        }
        execTransactionFromModuleReturnDataCall::SELECTOR => {
            let call = execTransactionFromModuleReturnDataCall::abi_decode(input).ok()?;
            (call.to, call.operation, true)
        }
        _ => return None,
    };
    // A Safe answers with 0 where what it was told to do failed.
    let failed = frame.output().first_chunk::<32>().is_some_and(|word| word == &[0; 32]);
    if operation != DELEGATECALL || !frame.success() || failed {
        return None;
    }
    let only_calls = ONLY_CALLS.contains(&to);
    let severity = if only_calls { Severity::Info } else { Severity::Critical };
    let (title, description) = if only_calls {
        let description =
            format!("The Safe ran {to}, Safe's own library, which can do no more than batch plain calls.");
        (format!("a batch of calls by {to}"), description)
    } else {
        let description = format!(
            "The Safe ran the code of {to} as its own. Such code can move all that the Safe holds, and change its \
             owners and its own code without any event."
        );
        (format!("it ran the code of {to} as its own"), description)
    };
    let change = Change::new("safe-delegatecall", severity, title, &description).to("delegate", to);
    Some(change.with("by", frame.sender()).with("by-module", by_module))
}
