// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// An upgradeable proxy with the storage slots and events of EIP-1967.
contract Proxy {
    /// keccak256("eip1967.proxy.implementation") - 1
    bytes32 private constant IMPLEMENTATION = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;
    /// keccak256("eip1967.proxy.admin") - 1
    bytes32 private constant ADMIN = 0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103;

    event Upgraded(address indexed implementation);
    event AdminChanged(address previousAdmin, address newAdmin);

    constructor(address implementation, address admin, bytes memory init) {
        store(IMPLEMENTATION, implementation);
        emit Upgraded(implementation);
        store(ADMIN, admin);
        emit AdminChanged(address(0), admin);
        (bool ok, ) = implementation.delegatecall(init);
        require(ok, "the implementation does not start");
    }

    function changeAdmin(address admin) external {
        address previous = load(ADMIN);
        require(msg.sender == previous, "not the admin");
        store(ADMIN, admin);
        emit AdminChanged(previous, admin);
    }

    function upgradeTo(address implementation) external {
        require(msg.sender == load(ADMIN), "not the admin");
        store(IMPLEMENTATION, implementation);
        emit Upgraded(implementation);
    }

    fallback() external payable {
        address implementation = load(IMPLEMENTATION);
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), implementation, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            switch ok
            case 0 { revert(0, returndatasize()) }
            default { return(0, returndatasize()) }
        }
    }

    receive() external payable {}

    function load(bytes32 slot) private view returns (address value) {
        assembly {
            value := sload(slot)
        }
    }

    function store(bytes32 slot, address value) private {
        assembly {
            sstore(slot, value)
        }
    }
}
