// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {Token} from "Twins.sol";

/// A pair of two tokens whose product does not fall by a trade.
contract Pair {
    Token public immutable token0;
    Token public immutable token1;
    uint112 private reserve0;
    uint112 private reserve1;

    event Sync(uint112 reserve0, uint112 reserve1);

    constructor(Token one, Token other) {
        (token0, token1) = (one, other);
    }

    function getReserves() public view returns (uint112, uint112, uint32) {
        return (reserve0, reserve1, uint32(block.timestamp));
    }

    function sync() public {
        reserve0 = uint112(token0.balanceOf(address(this)));
        reserve1 = uint112(token1.balanceOf(address(this)));
        emit Sync(reserve0, reserve1);
    }

    function swap(uint256 out0, uint256 out1, address to, bytes calldata) external {
        if (out0 > 0) token0.transfer(to, out0);
        if (out1 > 0) token1.transfer(to, out1);
        uint256 product = uint256(reserve0) * reserve1;
        sync();
        require(uint256(reserve0) * reserve1 >= product, "too much out");
    }
}

/// Trades with a pair on behalf of whoever made it.
abstract contract Trader {
    /// Gives the first token for the second.
    function buy(Pair pair, uint256 value) internal returns (uint256 bought) {
        (uint112 reserve0, uint112 reserve1,) = pair.getReserves();
        bought = uint256(reserve1) * value / (uint256(reserve0) + value);
        pair.token0().transfer(address(pair), value);
        pair.swap(0, bought, address(this), "");
    }

    /// Gives the second token for the first.
    function sell(Pair pair, uint256 value) internal returns (uint256 got) {
        (uint112 reserve0, uint112 reserve1,) = pair.getReserves();
        got = uint256(reserve0) * value / (uint256(reserve1) + value);
        pair.token1().transfer(address(pair), value);
        pair.swap(got, 0, address(this), "");
    }
}

/// Buys the second token of a pair at whatever the pair says that it is worth now.
contract Shop {
    Pair immutable pair;

    constructor(Pair which) {
        pair = which;
    }

    function take(uint256 value) external {
        (uint112 reserve0, uint112 reserve1,) = pair.getReserves();
        pair.token1().transferFrom(msg.sender, address(this), value);
        pair.token0().transfer(msg.sender, value * reserve0 / reserve1);
    }
}

/// Trades one way and back, and sells to a shop in between, or not.
contract Bender is Trader {
    function bend(Pair pair, Shop shop, uint256 value, uint256 percent) external {
        uint256 bought = buy(pair, value);
        uint256 part = bought * percent / 100;
        if (part > 0) {
            pair.token1().approve(address(shop), part);
            shop.take(part);
        }
        sell(pair, bought - part);
    }
}

/// Syncs a pair and trades with it, and burns what the pair holds of a careless token first, or not.
contract Syncer is Trader {
    function drain(Pair pair, uint256 burnt, uint256 value) external {
        pair.getReserves();
        pair.token1().burn(address(pair), burnt);
        pair.sync();
        sell(pair, value);
    }

    function trade(Pair pair, uint256 value) external {
        pair.getReserves();
        pair.sync();
        buy(pair, value);
    }
}

/// Pays coins for tokens, of whatever is called a token.
contract Kiosk {
    receive() external payable {}

    function exchange(Token token, uint256 value) external {
        token.transferFrom(msg.sender, address(this), value);
        (bool paid,) = msg.sender.call{value: value}("");
        require(paid, "not paid");
    }
}

/// Sells a token to a kiosk: one that it holds, or itself, which is none.
contract Seller {
    receive() external payable {}

    function transferFrom(address, address, uint256) external pure {}

    function sell(Kiosk kiosk, Token token, uint256 value) external {
        token.approve(address(kiosk), value);
        kiosk.exchange(token, value);
    }

    function sellItself(Kiosk kiosk, uint256 value) external {
        kiosk.exchange(Token(address(this)), value);
    }
}

/// Has an owner, whom anybody may name.
contract Treasury {
    address public owner;

    receive() external payable {}

    constructor(address first) {
        owner = first;
    }

    function setOwner(address next) external {
        owner = next;
    }

    function pay(address to, uint256 value) external {
        require(msg.sender == owner, "not the owner");
        (bool paid,) = to.call{value: value}("");
        require(paid, "not paid");
    }
}

/// Takes a treasury and is paid by it, or pays by one that it has and hands it over.
contract Manager {
    receive() external payable {}

    function take(Treasury treasury, uint256 value) external {
        treasury.setOwner(address(this));
        treasury.pay(address(this), value);
    }

    function handOver(Treasury treasury, address to, uint256 value, address next) external {
        treasury.pay(to, value);
        treasury.setOwner(next);
    }
}

/// Adds up without looking whether it overflows.
contract BatchToken {
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function batchTransfer(address[] calldata to, uint256 value) external {
        unchecked {
            uint256 sum = to.length * value;
            require(balanceOf[msg.sender] >= sum, "too little");
            balanceOf[msg.sender] -= sum;
            for (uint256 at = 0; at < to.length; at++) {
                balanceOf[to[at]] += value;
                emit Transfer(msg.sender, to[at], value);
            }
        }
    }
}

/// Gives coins for its shares, and by a function that was left in, for nothing.
contract Fund {
    Token public immutable shares;

    receive() external payable {}

    constructor(Token which) {
        shares = which;
    }

    function redeem(uint256 value) external {
        shares.transferFrom(msg.sender, address(this), value);
        pay(value);
    }

    function rescue(uint256 value) external {
        pay(value);
    }

    function pay(uint256 value) private {
        (bool paid,) = msg.sender.call{value: value}("");
        require(paid, "not paid");
    }
}

/// Holds shares of a fund.
contract Holder {
    receive() external payable {}

    function redeem(Fund fund, uint256 value) external {
        fund.shares().approve(address(fund), value);
        fund.redeem(value);
    }

    function rescue(Fund fund, uint256 value) external {
        fund.rescue(value);
    }
}

interface Borrower {
    function onFlashLoan(address initiator, address token, uint256 value, uint256 fee, bytes calldata data) external;
}

/// Lends for as long as one call takes.
contract Lender {
    function flashLoan(Token token, uint256 value) external {
        token.transfer(msg.sender, value);
        Borrower(msg.sender).onFlashLoan(msg.sender, address(token), value, 0, "");
        token.transferFrom(msg.sender, address(this), value);
    }
}

/// Decides by what voters hold while they vote.
contract Council {
    Token immutable votes;
    address payee;
    uint256 value;
    uint256 yes;

    receive() external payable {}

    constructor(Token which) {
        votes = which;
    }

    function submit(address to, uint256 sum) external {
        (payee, value, yes) = (to, sum, 0);
    }

    function castVote(uint256, bool) external {
        yes += votes.balanceOf(msg.sender);
    }

    function execute(uint256) external {
        require(yes * 2 > votes.totalSupply(), "not decided");
        yes = 0;
        (bool paid,) = payee.call{value: value}("");
        require(paid, "not paid");
    }
}

/// Pays a reward for what is staked, by what is staked when it is asked for.
contract Farm {
    Token immutable token;
    uint256 reward;
    uint256 total;
    mapping(address => uint256) staked;

    constructor(Token which) {
        token = which;
    }

    function fund() external payable {
        reward += msg.value;
    }

    function enter(uint256 value) external {
        token.transferFrom(msg.sender, address(this), value);
        staked[msg.sender] += value;
        total += value;
    }

    function harvest() external {
        uint256 share = reward * staked[msg.sender] / total;
        reward -= share;
        (bool paid,) = msg.sender.call{value: share}("");
        require(paid, "not paid");
    }

    function leave() external {
        uint256 value = staked[msg.sender];
        staked[msg.sender] = 0;
        total -= value;
        token.transfer(msg.sender, value);
    }
}

/// Stakes and votes, with tokens of its own or with a loan.
contract Member is Borrower {
    Farm farm;
    Council council;

    receive() external payable {}

    function farmWithLoan(Lender lender, Token token, uint256 value, Farm which) external {
        farm = which;
        lender.flashLoan(token, value);
    }

    function voteWithLoan(Lender lender, Token token, uint256 value, Council which) external {
        council = which;
        council.submit(address(this), 20 ether);
        lender.flashLoan(token, value);
    }

    function onFlashLoan(address, address borrowed, uint256 value, uint256, bytes calldata) external {
        Token token = Token(borrowed);
        if (address(farm) != address(0)) {
            token.approve(address(farm), value);
            farm.enter(value);
            farm.harvest();
            farm.leave();
        } else {
            council.castVote(1, true);
            council.execute(1);
        }
        token.approve(msg.sender, value);
    }

    function execute(Council which) external {
        which.execute(1);
    }

    function enter(Farm which, Token token, uint256 value) external {
        token.approve(address(which), value);
        which.enter(value);
    }

    function leave(Farm which) external {
        which.harvest();
        which.leave();
    }
}

/// Approves spenders while it is made.
contract Approver {
    constructor(Token token, address[] memory spenders, uint256 value) {
        for (uint256 at = 0; at < spenders.length; at++) {
            token.approve(spenders[at], value);
        }
    }
}

/// Runs whatever call whoever asks for, with what people approved to it.
contract Relay {
    function run(address target, bytes calldata data) external {
        (bool ran,) = target.call(data);
        require(ran, "not run");
    }
}

/// Has a relay move tokens of somebody, or its own.
contract Dictator {
    function pull(Relay relay, Token token, address from, uint256 value) external {
        relay.run(address(token), abi.encodeCall(Token.transferFrom, (from, address(this), value)));
    }

    function send(Relay relay, Token token, address to, uint256 value) external {
        token.approve(address(relay), value);
        relay.run(address(token), abi.encodeCall(Token.transferFrom, (address(this), to, value)));
    }
}

/// A token that forgets what it took where sender and recipient are one.
contract MirrorToken {
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 value);

    function mint(address to, uint256 value) external {
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function transfer(address to, uint256 value) external {
        (uint256 left, uint256 there) = (balanceOf[msg.sender] - value, balanceOf[to]);
        balanceOf[msg.sender] = left;
        balanceOf[to] = there + value;
        emit Transfer(msg.sender, to, value);
    }
}

/// Pays a coin for each ten tokens that it got since it last looked.
contract Teller {
    MirrorToken immutable token;
    uint256 seen;

    receive() external payable {}

    constructor(MirrorToken which) {
        token = which;
    }

    function settle() external {
        uint256 got = token.balanceOf(address(this)) - seen;
        seen += got;
        (bool paid,) = msg.sender.call{value: got / 10}("");
        require(paid, "not paid");
    }
}

/// Sells what it has to a teller, and doubles it before or not.
contract Doubler {
    receive() external payable {}

    function sell(MirrorToken token, Teller teller, uint256 times) external {
        for (uint256 at = 0; at < times; at++) {
            token.transfer(address(this), token.balanceOf(address(this)));
        }
        token.transfer(address(teller), token.balanceOf(address(this)));
        teller.settle();
    }
}
