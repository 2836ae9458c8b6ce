// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// A token that anybody may mint and burn: the scenarios say who does.
contract Token {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public totalSupply;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function burn(address from, uint256 value) external {
        totalSupply -= value;
        balanceOf[from] -= value;
        emit Transfer(from, address(0), value);
    }

    function approve(address spender, uint256 value) external {
        allowance[msg.sender][spender] = value;
    }

    function transfer(address to, uint256 value) external {
        move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        move(from, to, value);
    }

    function move(address from, address to, uint256 value) private {
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}

/// Counts what it holds as its assets, so that a gift is worth the same as a deposit.
contract Vault {
    Token immutable asset;
    mapping(address => uint256) public balanceOf;
    uint256 public totalSupply;

    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);

    constructor(Token token) {
        asset = token;
    }

    function convertToAssets(uint256 shares) public view returns (uint256) {
        return totalSupply == 0 ? shares : shares * asset.balanceOf(address(this)) / totalSupply;
    }

    function deposit(uint256 assets) external {
        uint256 held = asset.balanceOf(address(this));
        uint256 shares = totalSupply == 0 ? assets : assets * totalSupply / held;
        asset.transferFrom(msg.sender, address(this), assets);
        totalSupply += shares;
        balanceOf[msg.sender] += shares;
        emit Deposit(msg.sender, msg.sender, assets, shares);
    }
}

/// Pays before it writes down that it has paid.
contract Bank {
    mapping(address => uint256) public held;

    function put() external payable {
        held[msg.sender] += msg.value;
    }

    function take(uint256 value) external {
        require(held[msg.sender] >= value, "not yours");
        (bool paid,) = msg.sender.call{value: value}("");
        require(paid, "not paid");
        unchecked {
            held[msg.sender] -= value;
        }
    }
}

/// A customer of the bank, who takes once in a while or while being paid.
contract Customer {
    Bank immutable bank;
    bool again;

    constructor(Bank which) {
        bank = which;
    }

    function put() external payable {
        bank.put{value: msg.value}();
    }

    function takeTwice(uint256 value) external {
        bank.take(value);
        bank.take(value);
    }

    function takeWhilePaid(uint256 value) external {
        again = true;
        bank.take(value);
    }

    receive() external payable {
        if (again) {
            again = false;
            bank.take(msg.value);
        }
    }
}

/// Moves what anybody approved to it, for whoever asks.
contract Router {
    function move(Token token, address from, address to, uint256 value) external {
        token.transferFrom(from, to, value);
    }
}

/// Has the router move tokens of others, and pays them for it or not.
contract Buyer {
    function buy(Router router, Token token, address[] calldata from, uint256 value, uint256 price) external payable {
        for (uint256 at = 0; at < from.length; at++) {
            router.move(token, from[at], address(this), value);
            if (price > 0) {
                (bool paid,) = from[at].call{value: price}("");
                require(paid, "not paid");
            }
        }
    }
}
