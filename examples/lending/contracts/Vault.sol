// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

interface IToken {
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

interface IPriceFeed {
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

/// Harbor Lending: deposit hETH, borrow hUSD against it at three quarters of what the price feed says.
contract Vault {
    address public owner;
    address public guardian;
    bool public paused;
    IToken public collateral;
    IToken public asset;
    IPriceFeed public feed;
    mapping(address => uint256) public collateralOf;
    mapping(address => uint256) public debtOf;

    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event Paused(address account);
    event Unpaused(address account);
    event Deposited(address indexed account, uint256 value);
    event Withdrawn(address indexed account, uint256 value);
    event Borrowed(address indexed account, uint256 value);
    event Repaid(address indexed account, uint256 value);

    modifier whenOpen() {
        require(!paused, "paused");
        _;
    }

    function initialize(address owner_, address guardian_, IToken collateral_, IToken asset_, IPriceFeed feed_) external {
        require(owner == address(0), "initialized");
        owner = owner_;
        guardian = guardian_;
        collateral = collateral_;
        asset = asset_;
        feed = feed_;
        emit OwnershipTransferred(address(0), owner_);
    }

    function transferOwnership(address newOwner) external {
        require(msg.sender == owner, "not the owner");
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }

    function pause() external {
        require(msg.sender == guardian, "not the guardian");
        paused = true;
        emit Paused(msg.sender);
    }

    function unpause() external {
        require(msg.sender == owner, "not the owner");
        paused = false;
        emit Unpaused(msg.sender);
    }

    function deposit(uint256 value) external whenOpen {
        collateralOf[msg.sender] += value;
        collateral.transferFrom(msg.sender, address(this), value);
        emit Deposited(msg.sender, value);
    }

    function withdraw(uint256 value) external whenOpen {
        collateralOf[msg.sender] -= value;
        require(isHealthy(msg.sender), "owed too much");
        collateral.transfer(msg.sender, value);
        emit Withdrawn(msg.sender, value);
    }

    function borrow(uint256 value) external whenOpen {
        debtOf[msg.sender] += value;
        require(isHealthy(msg.sender), "owed too much");
        asset.transfer(msg.sender, value);
        emit Borrowed(msg.sender, value);
    }

    /// Open even while paused: whoever may not repay may be liquidated for it.
    function repay(uint256 value) external {
        debtOf[msg.sender] -= value;
        asset.transferFrom(msg.sender, address(this), value);
        emit Repaid(msg.sender, value);
    }

    /// hETH has 18 decimals, hUSD 6, the price 8.
    function isHealthy(address account) public view returns (bool) {
        (, int256 price, , , ) = feed.latestRoundData();
        require(price > 0, "no price");
        uint256 worth = (collateralOf[account] * uint256(price)) / 1e20;
        return debtOf[account] * 4 <= worth * 3;
    }
}
