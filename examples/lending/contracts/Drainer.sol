// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

interface IDrained {
    function transfer(address to, uint256 value) external returns (bool);
}

/// What the attacker upgrades the vault to: everything to whoever asks.
contract Drainer {
    function drain(IDrained token, address to, uint256 value) external {
        token.transfer(to, value);
    }
}
