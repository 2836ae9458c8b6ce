// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// A price in the shape that Chainlink's aggregators give it: one transmitter posts answers, anybody reads them.
contract PriceFeed {
    uint8 public constant decimals = 8;
    string public constant description = "hETH / USD";
    address public transmitter;
    uint80 private round;
    int256 private answer;
    uint256 private updatedAt;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    constructor(address transmitter_) {
        transmitter = transmitter_;
    }

    function transmit(int256 answer_) external {
        require(msg.sender == transmitter, "not the transmitter");
        round += 1;
        answer = answer_;
        updatedAt = block.timestamp;
        emit AnswerUpdated(answer_, round, block.timestamp);
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (round, answer, updatedAt, updatedAt, round);
    }
}
