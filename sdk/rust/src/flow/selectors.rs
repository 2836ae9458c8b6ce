//! What functions are known for, by their selectors.

/// Functions of ERC-20, ERC-721, ERC-1155, ERC-677.
pub const TOKEN: u32 = 1 << 0;
/// Entrances of lenders and hubs that hand control over and take back before they return.
pub const FLASH: u32 = 1 << 1;
/// Functions that a lender, a pool or a token standard calls on whoever called it.
pub const CALLBACK: u32 = 1 << 2;
/// Functions of routers.
pub const ROUTER: u32 = 1 << 3;
/// Swaps, of pools and routers.
pub const SWAP: u32 = 1 << 4;
/// Liquidations.
pub const LIQUIDATE: u32 = 1 << 5;
/// Hooks of token standards.
pub const HOOK: u32 = 1 << 6;
/// Mints and burns of tokens.
pub const MINT_OR_BURN: u32 = 1 << 7;
/// What an asset or a vault is called for.
pub const ASSET: u32 = 1 << 8;
/// Views that anybody asks of anything.
pub const NEUTRAL: u32 = 1 << 9;
/// First owners, other owners, other code, other oracles.
pub const INITIALIZE: u32 = 1 << 10;
/// Votes and their execution.
pub const GOVERNANCE: u32 = 1 << 11;
/// Views of prices and rates.
pub const PRICE: u32 = 1 << 12;
/// Views of one word that are no price: balances, supplies, reserves.
pub const NO_PRICE: u32 = 1 << 13;
/// Entrances of wallets: what they do is their owners' will, who need not be the sender.
pub const WALLET: u32 = 1 << 14;

/// `transfer(address,uint256)`.
pub const TRANSFER: u32 = 0xa9059cbb;
/// `transferFrom(address,address,uint256)`.
pub const TRANSFER_FROM: u32 = 0x23b872dd;
/// `approve(address,uint256)`.
pub const APPROVE: u32 = 0x095ea7b3;
/// `balanceOf(address)`.
pub const BALANCE_OF: u32 = 0x70a08231;
/// `deposit()`.
pub const DEPOSIT: u32 = 0xd0e30db0;
/// `withdraw(uint256)`.
pub const WITHDRAW: u32 = 0x2e1a7d4d;
/// `swap(uint256,uint256,address,bytes)`.
pub const PAIR_SWAP: u32 = 0x022c0d9f;
/// `mint(address)`.
pub const PAIR_MINT: u32 = 0x6a627842;
/// `burn(address)`.
pub const PAIR_BURN: u32 = 0x89afcb44;
/// `swap(address,bool,int256,uint160,bytes)`.
pub const POOL_SWAP: u32 = 0x128acb08;
/// `sync()`.
pub const SYNC: u32 = 0xfff6cae9;
/// `skim(address)`.
pub const SKIM: u32 = 0xbc25cf77;
/// `getReserves()`.
pub const GET_RESERVES: u32 = 0x0902f1ac;
/// `mint(address,uint256)`.
pub const MINT: u32 = 0x40c10f19;
/// `latestRoundData()`.
pub const LATEST_ROUND: u32 = 0xfeaf968c;
/// `permit(address,address,uint256,uint256,uint8,bytes32,bytes32)`.
pub const PERMIT: u32 = 0xd505accf;
/// `supportsInterface(bytes4)`.
pub const SUPPORTS_INTERFACE: u32 = 0x01ffc9a7;

/// What a selector is known for: any of the constants above, 0 where it is not known.
pub fn classes_of(selector: u32) -> u32 {
    let mut place = place_of(selector);
    loop {
        match PLACES[place] {
            0 => return 0,
            at if KNOWN[at as usize - 1].0 == selector => return KNOWN[at as usize - 1].1,
            _ => place = (place + 1) % PLACES.len(),
        }
    }
}

/// Where each selector stands among those that are known, from 1: each call of a block is looked up here. Two of three places are
/// free.
static PLACES: [u16; 1024] = {
    let mut places = [0; 1024];
    let mut at = 0;
    while at < KNOWN.len() {
        let mut place = place_of(KNOWN[at].0);
        while places[place] != 0 {
            place = (place + 1) % places.len();
        }
        at += 1;
        places[place] = at as u16;
    }
    places
};

const fn place_of(selector: u32) -> usize {
    (selector.wrapping_mul(0x9e37_79b1) >> 22) as usize
}

/// In order of the selector. Without a signature where only the selector is known.
#[rustfmt::skip]
static KNOWN: [(u32, u32, &str); 333] = [
    (0x0023de29, CALLBACK | HOOK, "tokensReceived(address,address,address,uint256,bytes,bytes)"),
    (0x00991403, CALLBACK, "sushiCall(address,uint256,uint256,bytes)"),
    (0x00a718a9, LIQUIDATE, "liquidationCall(address,address,address,uint256,bool)"),
    (0x00fdd58e, NO_PRICE | TOKEN, "balanceOf(address,uint256)"),
    (0x01ffc9a7, CALLBACK | NEUTRAL, "supportsInterface(bytes4)"),
    (0x02266147, PRICE, "getPriceInUSD(address)"),
    (0x022c0d9f, FLASH | SWAP, "swap(uint256,uint256,address,bytes)"),
    (0x02751cec, ROUTER | SWAP, "removeLiquidityETH(address,uint256,uint256,uint256,address,uint256)"),
    (0x0322c064, FLASH, "flashSwap(address,uint256,address,bytes)"),
    (0x04b98245, PRICE, "underlyingPrice(address)"),
    (0x04e45aaf, SWAP, "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"),
    (0x05b4591c, CALLBACK, "onMorphoRepay(uint256,bytes)"),
    (0x06fdde03, NEUTRAL | TOKEN, "name()"),
    (0x07a2d13a, PRICE, "convertToAssets(uint256)"),
    (0x081812fc, NO_PRICE | TOKEN, "getApproved(uint256)"),
    (0x0902f1ac, NO_PRICE, "getReserves()"),
    (0x095ea7b3, ASSET | TOKEN, "approve(address,uint256)"),
    (0x0c5c9fa8, FLASH, "flashloan(address,uint256,bytes)"),
    (0x0d61b519, GOVERNANCE, "executeProposal(uint256)"),
    (0x0dcd7a6c, WALLET, "sendMultiSigToken(address,uint256,address,uint256,uint256,bytes)"),
    (0x0dfe1681, NEUTRAL, "token0()"),
    (0x0fdb11cf, PRICE, "fetchPrice()"),
    (0x10d1e85c, CALLBACK, "uniswapV2Call(address,uint256,uint256,bytes)"),
    (0x110c03de, CALLBACK, "babyCall(address,uint256,uint256,bytes)"),
    (0x128acb08, FLASH | SWAP, "swap(address,bool,int256,uint160,bytes)"),
    (0x12f0dea7, LIQUIDATE, "liquidateBorrow(address)"),
    (0x13af4035, INITIALIZE, "setOwner(address)"),
    (0x144fa6d7, INITIALIZE, "setToken(address)"),
    (0x1459457a, INITIALIZE, "initialize(address,address,address,address,address)"),
    (0x150b7a02, CALLBACK | HOOK, "onERC721Received(address,address,uint256,bytes)"),
    (0x15373e3d, GOVERNANCE, "castVote(uint256,bool)"),
    (0x1626ba7e, CALLBACK, "isValidSignature(bytes32,bytes)"),
    (0x18160ddd, NEUTRAL | NO_PRICE | TOKEN, "totalSupply()"),
    (0x182df0f5, PRICE, "exchangeRateStored()"),
    (0x184b9559, INITIALIZE, "init(address,address,address)"),
    (0x18780684, CALLBACK, "swapX2YCallback(uint256,uint256,bytes)"),
    (0x18cbafe5, ROUTER | SWAP, "swapExactTokensForETH(uint256,uint256,address[],address,uint256)"),
    (0x19ab453c, INITIALIZE, "init(address)"),
    (0x1a4c1ca3, SWAP, "exchange(address,address,address,uint256,uint256,address)"),
    (0x1b11d0ff, CALLBACK, "executeOperation(address,uint256,uint256,address,bytes)"),
    (0x1cff79cd, WALLET, "execute(address,bytes)"),
    (0x1e83409a, ASSET, "claim(address)"),
    (0x1e8b1c2b, LIQUIDATE, "batchLiquidateTroves(address[])"),
    (0x1fad948c, WALLET, "handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address)"),
    (0x205c2878, ASSET, "withdrawTo(address,uint256)"),
    (0x2075be03, CALLBACK, "onMorphoSupply(uint256,bytes)"),
    (0x22109682, CALLBACK, "nomiswapCall(address,uint256,uint256,bytes)"),
    (0x23a69e75, CALLBACK, "pancakeV3SwapCallback(int256,int256,bytes)"),
    (0x23b872dd, ASSET | TOKEN, "transferFrom(address,address,uint256)"),
    (0x23e30c8b, CALLBACK, "onFlashLoan(address,address,uint256,uint256,bytes)"),
    (0x24856bc3, ROUTER | SWAP, "execute(bytes,bytes[])"),
    (0x26a4e8d2, INITIALIZE, "setTokenAddress(address)"),
    (0x26c01303, LIQUIDATE, "liquidate(address,address,uint256)"),
    (0x26fae0d3, INITIALIZE, "setMaster(address)"),
    (0x2783e4a9, SWAP, "swapTo(address,address)"),
    (0x29ec16dd, INITIALIZE, "setApprovedMinter(address,bool)"),
    (0x2c8958f6, CALLBACK, "algebraSwapCallback(int256,int256,bytes)"),
    (0x2e17de78, ASSET, "unstake(uint256)"),
    (0x2e1a7d4d, ASSET, "withdraw(uint256)"),
    (0x2e88fb97, ASSET, "delegatedTransferERC20(address,address,uint256)"),
    (0x2eb2c2d6, TOKEN, "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"),
    (0x2f2ff15d, INITIALIZE, "grantRole(bytes32,address)"),
    (0x2f745c59, NO_PRICE, "tokenOfOwnerByIndex(address,uint256)"),
    (0x2f865568, LIQUIDATE, "liquidate(address)"),
    (0x313ce567, NEUTRAL | NO_PRICE | TOKEN, "decimals()"),
    (0x3177029f, TOKEN, ""),
    (0x31f57072, CALLBACK, "onMorphoFlashLoan(uint256,bytes)"),
    (0x33a100ca, INITIALIZE, "setStrategy(address)"),
    (0x34fcf437, INITIALIZE, "setRate(uint256)"),
    (0x3593564c, ROUTER | SWAP, "execute(bytes,bytes[],uint256)"),
    (0x35d16e17, PRICE, "assetsPerShare()"),
    (0x3659cfe6, INITIALIZE, "upgradeTo(address)"),
    (0x36ef6d5e, CALLBACK, "executeOperation(address[],uint256[],uint256[],bytes)"),
    (0x3850c7bd, NO_PRICE, "slot0()"),
    (0x38ed1739, ROUTER | SWAP, "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)"),
    (0x39125215, WALLET, "sendMultiSig(address,uint256,bytes,uint256,uint256,bytes)"),
    (0x394747c5, SWAP, "exchange(uint256,uint256,uint256,uint256,bool)"),
    (0x39509351, TOKEN, "increaseAllowance(address,uint256)"),
    (0x3a1c453c, CALLBACK, "solidlyV3SwapCallback(int256,int256,bytes)"),
    (0x3ba0b9a9, PRICE, "exchangeRate()"),
    (0x3c24436c, ASSET, "migrateWithdraw(address,uint256)"),
    (0x3dd657c5, CALLBACK, "algebraMintCallback(uint256,uint256,bytes)"),
    (0x3ddac953, PRICE, "consult(address,uint256)"),
    (0x3df02124, SWAP, "exchange(int128,int128,uint256,uint256)"),
    (0x3fc01685, CALLBACK, "jetswapCall(address,uint256,uint256,bytes)"),
    (0x4000aea0, ASSET | TOKEN, "transferAndCall(address,uint256,bytes)"),
    (0x40c10f19, ASSET | MINT_OR_BURN, "mint(address,uint256)"),
    (0x414bf389, SWAP, "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"),
    (0x415f1240, LIQUIDATE, "liquidate(uint256)"),
    (0x41976e09, PRICE, "getPrice(address)"),
    (0x42842e0e, ASSET | TOKEN, "safeTransferFrom(address,address,uint256)"),
    (0x42966c68, ASSET | MINT_OR_BURN, "burn(uint256)"),
    (0x42b0b77c, FLASH, "flashLoanSimple(address,address,uint256,bytes,uint16)"),
    (0x439fab91, INITIALIZE, "initialize(bytes)"),
    (0x45cf2230, LIQUIDATE, "bite(bytes32,address)"),
    (0x468721a7, WALLET, "execTransactionFromModule(address,uint256,bytes,uint8)"),
    (0x47e1da2a, WALLET, "executeBatch(address[],uint256[],bytes[])"),
    (0x485cc955, INITIALIZE, "initialize(address,address)"),
    (0x485f3994, CALLBACK, "waultSwapCall(address,uint256,uint256,bytes)"),
    (0x48c89491, FLASH, "unlock(bytes)"),
    (0x48dc9d2b, INITIALIZE, "setCurve(address)"),
    (0x490e6cbc, FLASH, "flash(address,uint256,uint256,bytes)"),
    (0x4a25d94a, ROUTER | SWAP, "swapTokensForExactETH(uint256,uint256,address[],address,uint256)"),
    (0x4b0bddd2, INITIALIZE, "setAdmin(address,bool)"),
    (0x4c7198f4, PRICE, "getLpPrice()"),
    (0x4cd88b76, INITIALIZE, "initialize(string,string)"),
    (0x4dd18bf5, INITIALIZE, "setPendingAdmin(address)"),
    (0x4e71e0c8, INITIALIZE, "claimOwnership()"),
    (0x4f1ef286, INITIALIZE, "upgradeToAndCall(address,bytes)"),
    (0x4f6ccce7, NO_PRICE, "tokenByIndex(uint256)"),
    (0x50d25bcd, PRICE, "latestAnswer()"),
    (0x516c731c, INITIALIZE, "setOwner(address,bool)"),
    (0x52bbbe29, SWAP, "swap((bytes32,uint8,address,address,uint256,bytes),(address,bool,address,bool),uint256,uint256)"),
    (0x530e784f, INITIALIZE, "setPriceOracle(address)"),
    (0x53d6fd59, INITIALIZE, "setWhitelist(address,bool)"),
    (0x54f0f7d5, PRICE, "lp_price()"),
    (0x555bcc40, INITIALIZE, "_setImplementation(address,bool,bytes)"),
    (0x55ee1fe1, INITIALIZE, "_setPriceOracle(address)"),
    (0x56781388, GOVERNANCE, "castVote(uint256,uint8)"),
    (0x57dcff4e, CALLBACK, "receiveTokens(address,address,uint256,bytes)"),
    (0x57de26a4, PRICE, "read()"),
    (0x59e02dd7, PRICE, "peek()"),
    (0x5ae401dc, ROUTER | SWAP, "multicall(uint256,bytes[])"),
    (0x5b1dac60, PRICE, "getSharePrice()"),
    (0x5b3bc4fe, CALLBACK, "BiswapCall(address,uint256,uint256,bytes)"),
    (0x5b41b908, SWAP, "exchange(uint256,uint256,uint256,uint256)"),
    (0x5bb47808, INITIALIZE, "setFactory(address)"),
    (0x5c11d795, ROUTER | SWAP, "swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)"),
    (0x5c38449e, FLASH, "flashLoan(address,address[],uint256[],bytes)"),
    (0x5cffe9de, FLASH, "flashLoan(address,address,uint256,bytes)"),
    (0x5e9a523c, PRICE, "assetPrices(address)"),
    (0x6352211e, NO_PRICE | TOKEN, "ownerOf(uint256)"),
    (0x63ad2c41, FLASH, "flashloan(address,address,uint256,bytes)"),
    (0x641ad8a9, INITIALIZE, ""),
    (0x653d46e7, LIQUIDATE, "liquidateTroves(uint256)"),
    (0x654b6487, CALLBACK, "ramsesV2SwapCallback(int256,int256,bytes)"),
    (0x65fae35e, INITIALIZE, "rely(address)"),
    (0x679aefce, PRICE, "getRate()"),
    (0x679f0579, FLASH, "flashLoan(address,uint256,uint256,bytes)"),
    (0x6817031b, INITIALIZE, "setVault(address)"),
    (0x6a761202, WALLET, "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"),
    (0x6c19e783, INITIALIZE, "setSigner(address)"),
    (0x6c813d29, CALLBACK, "croDefiSwapCall(address,uint256,uint256,bytes)"),
    (0x6e2246a7, FLASH, "borrow(address,uint256,bytes)"),
    (0x6e516e54, CALLBACK, "flashLoanCallback(address,uint256,bytes)"),
    (0x6f3aa01d, PRICE, "getUnderlyingPriceView(address)"),
    (0x70480275, INITIALIZE, "addAdmin(address)"),
    (0x704b6c02, INITIALIZE, "setAdmin(address)"),
    (0x7065cb48, INITIALIZE, "addOwner(address)"),
    (0x70a08231, NEUTRAL | NO_PRICE | TOKEN, "balanceOf(address)"),
    (0x724e78da, INITIALIZE, "setPriceFeed(address)"),
    (0x73015684, GOVERNANCE, "emergencyCommit(uint32)"),
    (0x75ab9782, CALLBACK | HOOK, "tokensToSend(address,address,address,uint256,bytes,bytes)"),
    (0x765e827f, WALLET, "handleOps((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes)[],address)"),
    (0x76ee101b, LIQUIDATE, "liquidate(address[],uint256[],address,address,bool)"),
    (0x77c7b8fc, PRICE, "getPricePerFullShare()"),
    (0x78e0fae8, SWAP, "swapUnderlying(uint8,uint8,uint256,uint256,uint256)"),
    (0x791ac947, ROUTER | SWAP, "swapExactTokensForETHSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)"),
    (0x79ba5097, INITIALIZE, "acceptOwnership()"),
    (0x79c65068, TOKEN, ""),
    (0x79cc6790, ASSET | MINT_OR_BURN, "burnFrom(address,uint256)"),
    (0x7a9e5e4b, INITIALIZE, "setAuthority(address)"),
    (0x7adbf973, INITIALIZE, "setOracle(address)"),
    (0x7c5e9ea4, SWAP, "swapExactAmountOut(address,uint256,address,uint256,uint256)"),
    (0x7ecebe00, NO_PRICE, "nonces(address)"),
    (0x7ed1f1dd, CALLBACK, "DPPFlashLoanCall(address,uint256,uint256,bytes)"),
    (0x7ff36ab5, ROUTER | SWAP, "swapExactETHForTokens(uint256,address[],address,uint256)"),
    (0x7ff9b596, PRICE, "tokenPrice()"),
    (0x8129fc1c, INITIALIZE, "initialize()"),
    (0x81548319, FLASH, "lock(bytes)"),
    (0x8187f516, INITIALIZE, "setPair(address)"),
    (0x81a794cb, LIQUIDATE, "take(uint256,uint256,uint256,address,bytes)"),
    (0x8201aa3f, SWAP, "swapExactAmountIn(address,uint256,address,uint256,uint256)"),
    (0x8240ef48, HOOK, ""),
    (0x84304ad7, INITIALIZE, "init(uint256,uint256[],uint256[],address)"),
    (0x84800812, CALLBACK, "pancakeCall(address,uint256,uint256,bytes)"),
    (0x86fc88d3, PRICE, "price_oracle()"),
    (0x87269729, PRICE, "sharePrice()"),
    (0x8803dbee, ROUTER | SWAP, "swapTokensForExactTokens(uint256,uint256,address[],address,uint256)"),
    (0x880cdc31, INITIALIZE, "updateOwner(address)"),
    (0x88a7ca5c, CALLBACK, "onTransferReceived(address,address,uint256,bytes)"),
    (0x893d20e8, NEUTRAL, "getOwner()"),
    (0x8ac5d4a3, LIQUIDATE, "liquidateAccount(address)"),
    (0x8aee8127, INITIALIZE, "setRewardToken(address)"),
    (0x8b2f0f4f, PRICE, "getUSDPrice(address)"),
    (0x8b418713, CALLBACK, "callFunction(address,(address,uint256),bytes)"),
    (0x8da5cb5b, NEUTRAL, "owner()"),
    (0x8e15f473, PRICE, "getLatestPrice()"),
    (0x8ea875f3, PRICE, "virtualPrice()"),
    (0x8f283970, INITIALIZE, "changeAdmin(address)"),
    (0x8f7c2510, LIQUIDATE, "liquidationCall(address,address,address,uint256)"),
    (0x8fb5a482, PRICE, "getPrices(address[])"),
    (0x90657147, INITIALIZE, "initialize(address,string,string)"),
    (0x9094c763, GOVERNANCE, "vote(uint32)"),
    (0x91695586, SWAP, "swap(uint8,uint8,uint256,uint256,uint256)"),
    (0x91b7f5ed, INITIALIZE, "setPrice(uint256)"),
    (0x91dd7346, CALLBACK, "unlockCallback(bytes)"),
    (0x920f5c84, CALLBACK, "executeOperation(address[],uint256[],uint256[],address,bytes)"),
    (0x92eefe9b, INITIALIZE, "setController(address)"),
    (0x945bcec9, SWAP, "batchSwap(uint8,(bytes32,uint256,uint256,uint256,bytes)[],address[],(address,bool,address,bool),int256[],uint256)"),
    (0x95d89b41, NEUTRAL | TOKEN, "symbol()"),
    (0x95e3c50b, SWAP, "tokenToEthSwapInput(uint256,uint256,uint256)"),
    (0x983b2d56, INITIALIZE, "addMinter(address)"),
    (0x98d5fdca, PRICE, "getPrice()"),
    (0x99530b06, PRICE, "pricePerShare()"),
    (0x9961881c, FLASH, ""),
    (0x996b1187, CALLBACK, "kebabCall(address,uint256,uint256,bytes)"),
    (0x99eee9d0, CALLBACK, "pancakeV3MintCallback(uint256,uint256,bytes)"),
    (0x9a7bff79, CALLBACK, "hook(address,uint256,uint256,bytes)"),
    (0x9bd9bbc6, ASSET, "send(address,uint256,bytes)"),
    (0x9d1b464a, PRICE, "currentPrice()"),
    (0x9d9e465c, FLASH, "flashLoan(address,uint256)"),
    (0x9dc29fac, ASSET | MINT_OR_BURN, "burn(address,uint256)"),
    (0x9f98b66e, PRICE, "pricePerFullShare()"),
    (0xa035b1fe, PRICE, "price()"),
    (0xa0712d68, ASSET | MINT_OR_BURN, "mint(uint256)"),
    (0xa15db5c5, CALLBACK, "onDeferredLiquidityCheck(bytes)"),
    (0xa1d48336, CALLBACK, "pancakeV3FlashCallback(uint256,uint256,bytes)"),
    (0xa22cb465, TOKEN, "setApprovalForAll(address,bool)"),
    (0xa3e6ba94, PRICE, "latestPrice()"),
    (0xa457c2d7, TOKEN, "decreaseAllowance(address,uint256)"),
    (0xa4c0ed36, CALLBACK | HOOK, "onTokenTransfer(address,uint256,bytes)"),
    (0xa60b0d3c, CALLBACK, "algebraFlashCallback(uint256,uint256,bytes)"),
    (0xa6417ed6, SWAP, "exchange_underlying(int128,int128,uint256,uint256)"),
    (0xa67a6a45, FLASH, "operate((address,uint256)[],(uint8,uint256,(bool,uint8,uint8,uint256),uint256,uint256,address,uint256,bytes)[])"),
    (0xa694fc3a, ASSET, "stake(uint256)"),
    (0xa6f9dae1, INITIALIZE, "changeOwner(address)"),
    (0xa9059cbb, ASSET | TOKEN, "transfer(address,uint256)"),
    (0xaab3f868, LIQUIDATE, "liquidate(address,address,address,uint256)"),
    (0xab033ea9, INITIALIZE, "setGovernance(address)"),
    (0xab6291fe, CALLBACK, "lockAcquired(bytes)"),
    (0xab9c4b5d, FLASH, "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)"),
    (0xac9650d8, ROUTER | SWAP, "multicall(bytes[])"),
    (0xad5c4648, NEUTRAL, "WETH()"),
    (0xad65d76d, SWAP, "ethToTokenTransferInput(uint256,uint256,address)"),
    (0xae537afe, FLASH, "flashLoan(address,address,uint256,address,bytes)"),
    (0xaea91078, PRICE, "price(address)"),
    (0xb1022fdf, CALLBACK, "onMorphoSupplyCollateral(uint256,bytes)"),
    (0xb3596f07, PRICE, "getAssetPrice(address)"),
    (0xb3ab15fb, INITIALIZE, "setOperator(address)"),
    (0xb61d27f6, WALLET, "execute(address,uint256,bytes)"),
    (0xb6b55f25, ASSET, "deposit(uint256)"),
    (0xb6f9de95, ROUTER | SWAP, "swapExactETHForTokensSupportingFeeOnTransferTokens(uint256,address[],address,uint256)"),
    (0xb71d1a0c, INITIALIZE, "_setPendingAdmin(address)"),
    (0xb858183f, SWAP, "exactInput((bytes,address,uint256,uint256))"),
    (0xb88d4fde, TOKEN, "safeTransferFrom(address,address,uint256,bytes)"),
    (0xba087652, ASSET, "redeem(uint256,address,address)"),
    (0xbaa2abde, ROUTER | SWAP, "removeLiquidity(address,address,uint256,uint256,uint256,address,uint256)"),
    (0xbb7b8b80, PRICE, "get_virtual_price()"),
    (0xbc197c81, CALLBACK, "onERC1155BatchReceived(address,address,uint256[],uint256[],bytes)"),
    (0xbcbaf487, LIQUIDATE, "liquidate(address,uint256)"),
    (0xbd58fe56, PRICE, "getChainlinkPrice(address)"),
    (0xbd6015b4, SWAP, "sellBase(address)"),
    (0xbd6d894d, PRICE, "exchangeRateCurrent()"),
    (0xbebbf4d0, ASSET, "depositVault(uint256,address)"),
    (0xbecda363, CALLBACK, "apeCall(address,uint256,uint256,bytes)"),
    (0xc01a8c84, WALLET, "confirmTransaction(uint256)"),
    (0xc04b8d59, SWAP, "exactInput((bytes,address,uint256,uint256,uint256))"),
    (0xc0c53b8b, INITIALIZE, "initialize(address,address,address)"),
    (0xc0d78655, INITIALIZE, "setRouter(address)"),
    (0xc0ee0b8a, CALLBACK, "tokenFallback(address,uint256,bytes)"),
    (0xc1342574, LIQUIDATE, "liquidate(address,address,uint256,uint256)"),
    (0xc3924ed6, CALLBACK, "flashCallback(uint256,uint256,bytes)"),
    (0xc3cecfd2, LIQUIDATE, "absorb(address,address[])"),
    (0xc42cf535, INITIALIZE, "setGovernor(address)"),
    (0xc45a0155, NEUTRAL, "factory()"),
    (0xc4d66de8, INITIALIZE, "initialize(address)"),
    (0xc6427474, WALLET, "submitTransaction(address,uint256,bytes)"),
    (0xc6d93f4a, INITIALIZE, "setImplementation(address,bytes)"),
    (0xc6e6f592, PRICE, "convertToShares(uint256)"),
    (0xcae9ca51, TOKEN, "approveAndCall(address,uint256,bytes)"),
    (0xcc2a9a5b, INITIALIZE, ""),
    (0xcca1624c, PRICE, "oracleExchangeRate()"),
    (0xcce5b643, FLASH, "flashBorrow(address,uint256,address,bytes)"),
    (0xcd6dc687, INITIALIZE, "initialize(address,uint256)"),
    (0xcf456ae7, INITIALIZE, "setMinter(address,bool)"),
    (0xcf7ea196, CALLBACK, "onMorphoLiquidate(uint256,bytes)"),
    (0xd02641a0, PRICE, "getTokenPrice(address)"),
    (0xd0a494e4, FLASH, "flashLoan(uint256,uint256,address,bytes)"),
    (0xd0e30db0, ASSET, "deposit()"),
    (0xd0ebdbe7, INITIALIZE, "setManager(address)"),
    (0xd15e0053, PRICE, "getReserveNormalizedIncome(address)"),
    (0xd1f57894, INITIALIZE, "initialize(address,bytes)"),
    (0xd21220a7, NEUTRAL, "token1()"),
    (0xd3487997, CALLBACK, "uniswapV3MintCallback(uint256,uint256,bytes)"),
    (0xd3e1c284, CALLBACK, "swapY2XCallback(uint256,uint256,bytes)"),
    (0xd505accf, ASSET | TOKEN, "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
    (0xd5b99797, CALLBACK, "DSPFlashLoanCall(address,uint256,uint256,bytes)"),
    (0xd784d426, INITIALIZE, "setImplementation(address)"),
    (0xd7f31eb9, WALLET, "forward(address,uint256,bytes)"),
    (0xd8eabcb8, LIQUIDATE, "liquidate((address,address,address,address,uint256),address,uint256,uint256,bytes)"),
    (0xda95691a, GOVERNANCE, "propose(address[],uint256[],string[],bytes[],string)"),
    (0xdb006a75, ASSET, "redeem(uint256)"),
    (0xdd62ed3e, NEUTRAL | NO_PRICE | TOKEN, "allowance(address,address)"),
    (0xdd93f59a, SWAP, "sellQuote(address)"),
    (0xddf0b009, GOVERNANCE, "queue(uint256)"),
    (0xde5f4ecc, CALLBACK, "ramsesV2FlashCallback(uint256,uint256,bytes)"),
    (0xdf9aee68, CALLBACK, "swapCall(address,uint256,uint256,bytes)"),
    (0xe0232b42, FLASH, "flashLoan(address,uint256,bytes)"),
    (0xe1c7392a, INITIALIZE, "init()"),
    (0xe25aa5fa, PRICE, "getVirtualPrice()"),
    (0xe3abebac, LIQUIDATE, "liquidate(address,address,uint256,uint256,address)"),
    (0xe46dcfeb, INITIALIZE, "initWallet(address[],uint256,uint256)"),
    (0xe8e33700, ROUTER | SWAP, "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)"),
    (0xe985e9c5, TOKEN, "isApprovedForAll(address,address)"),
    (0xe9cbafb0, CALLBACK, "uniswapV3FlashCallback(uint256,uint256,bytes)"),
    (0xead99147, INITIALIZE, "setOracleData(address,address)"),
    (0xeb2021c3, CALLBACK, "DVMFlashLoanCall(address,uint256,uint256,bytes)"),
    (0xeb91d37e, PRICE, "getCurrentPrice()"),
    (0xed998908, LIQUIDATE, "bark(bytes32,address,address)"),
    (0xee22610b, WALLET, "executeTransaction(uint256)"),
    (0xee872558, CALLBACK, "executeOperation(address,uint256,uint256,bytes)"),
    (0xf04f2707, CALLBACK, "receiveFlashLoan(address[],uint256[],uint256[],bytes)"),
    (0xf09a4016, INITIALIZE, "init(address,address)"),
    (0xf0f44260, INITIALIZE, "setTreasury(address)"),
    (0xf140a35a, PRICE, "getAmountOut(uint256,address)"),
    (0xf2388acb, PRICE, "get_p()"),
    (0xf23a6e61, CALLBACK | HOOK, "onERC1155Received(address,address,uint256,uint256,bytes)"),
    (0xf242432a, ASSET | TOKEN, "safeTransferFrom(address,address,uint256,uint256,bytes)"),
    (0xf2fde38b, INITIALIZE, "transferOwnership(address)"),
    (0xf305d719, ROUTER | SWAP, "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)"),
    (0xf39b5b9b, SWAP, "ethToTokenSwapInput(uint256,uint256)"),
    (0xf3fef3a3, ASSET, "withdraw(address,uint256)"),
    (0xf5e3c462, LIQUIDATE, "liquidateBorrow(address,uint256,address)"),
    (0xf6b911bc, ASSET, "burn(address,address,uint256)"),
    (0xf740f328, FLASH, "flash(address,uint256,bytes)"),
    (0xf8c8765e, INITIALIZE, "initialize(address,address,address,address)"),
    (0xfa461e33, CALLBACK, "uniswapV3SwapCallback(int256,int256,bytes)"),
    (0xfb3bdb41, ROUTER | SWAP, "swapETHForExactTokens(uint256,address[],address,uint256)"),
    (0xfc57d4df, PRICE, "getUnderlyingPrice(address)"),
    (0xfca3b5aa, INITIALIZE, "setMinter(address)"),
    (0xfe0d94c1, GOVERNANCE, "execute(uint256)"),
    (0xfeaf968c, PRICE, "latestRoundData()"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_selector_is_that_of_its_signature() {
        assert!(KNOWN.is_sorted_by_key(|known| known.0));
        for (selector, _, signature) in KNOWN.iter().filter(|known| !known.2.is_empty()) {
            let hash = alloy_primitives::keccak256(signature);
            assert_eq!(hash[..4], selector.to_be_bytes(), "{signature}");
        }
    }

    #[test]
    fn each_selector_is_found_and_no_other() {
        for (selector, classes, _) in KNOWN {
            assert_eq!(classes_of(selector), classes, "{selector:#010x}");
        }
        let known = |selector: &u32| KNOWN.iter().any(|known| known.0 == *selector);
        let others = (0..100_000_u32).map(|at| at.wrapping_mul(0x0010_0193)).filter(|selector| !known(selector));
        assert_eq!(others.map(classes_of).max(), Some(0));
    }
}
