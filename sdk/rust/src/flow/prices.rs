//! Which assets are money, and how much of each is worth speaking of.

use alloy_primitives::Address;
use hashbrown::HashMap;

use crate::Key;

/// A kind of money: who spends one kind for another has traded, not gained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Money {
    /// The chain's own coin, wrapped or staked ones included.
    Coin,
    /// Dollars.
    Dollar,
    /// Bitcoin on another chain.
    Bitcoin,
    /// Ether on a chain that has another coin.
    Ether,
    /// A kind of its own.
    Other,
}

impl Money {
    /// How many kinds there are.
    pub const COUNT: usize = 5;
}

/// An asset whose amounts mean money.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// What people call it.
    pub symbol: String,
    /// What kind of money it is.
    pub money: Money,
    /// How many smallest units are a floor: about 10,000 dollars.
    pub floor: f64,
    /// Digits behind the point of a whole unit.
    pub decimals: u8,
}

/// Assets of one chain.
#[derive(Clone, Debug)]
pub struct ChainPrices {
    /// The chain's own coin.
    pub native: Asset,
    /// The token that wraps it: its deposits and withdrawals are transfers.
    pub wrapped: Option<[u8; 20]>,
    tokens: HashMap<Key<20>, Asset>,
}

impl ChainPrices {
    /// A token's asset; `None` where its amounts mean nothing.
    pub fn token(&self, address: &[u8; 20]) -> Option<&Asset> {
        self.tokens.get(&Key(*address))
    }
}

/// What is money, by chain.
#[derive(Clone, Debug)]
pub struct Prices {
    chains: HashMap<u64, ChainPrices>,
    unknown: ChainPrices,
}

impl Prices {
    /// The table that is shipped: coins, dollars, bitcoin and ether of nine chains, at rough prices of 2020 to 2025.
    pub fn shipped() -> Self {
        let mut prices = Self { chains: HashMap::new(), unknown: ChainPrices::of("?", 18, 5.0) };
        for (chain, symbol, decimals, floor) in COINS {
            prices.chains.insert(chain, ChainPrices::of(symbol, decimals, floor));
        }
        for (chain, address, symbol, decimals, floor, money) in TOKENS {
            let Ok(address) = address.parse::<Address>() else { continue };
            prices.set(chain, address, symbol, decimals, floor, money);
        }
        for (chain, address) in WRAPPED {
            let Ok(address) = address.parse::<Address>() else { continue };
            prices.chain_mut(chain).wrapped = Some(address.into_array());
        }
        prices
    }

    /// Adds a token, or gives it another floor. `floor` is in whole units and worth about 10,000 dollars.
    pub fn set(&mut self, chain: u64, token: Address, symbol: &str, decimals: u8, floor: f64, money: Money) {
        let asset = Asset::of(symbol, decimals, floor, money);
        self.chain_mut(chain).tokens.insert(Key(token.into_array()), asset);
    }

    /// What is money on a chain; only its coin, with a floor of five, where nothing is known of it.
    pub fn of(&self, chain: u64) -> &ChainPrices {
        self.chains.get(&chain).unwrap_or(&self.unknown)
    }

    /// Whether a token is known to wrap its chain's coin.
    pub fn wraps_native(token: &Address) -> bool {
        let all = WRAPPED.iter().map(|(_, wrapped)| *wrapped).chain(WRAPPED_ELSEWHERE);
        all.into_iter().any(|wrapped| wrapped.parse::<Address>().is_ok_and(|wrapped| wrapped == *token))
    }

    fn chain_mut(&mut self, chain: u64) -> &mut ChainPrices {
        self.chains.entry(chain).or_insert_with(|| self.unknown.clone())
    }
}

impl ChainPrices {
    fn of(symbol: &str, decimals: u8, floor: f64) -> Self {
        Self { native: Asset::of(symbol, decimals, floor, Money::Coin), wrapped: None, tokens: HashMap::new() }
    }
}

impl Asset {
    fn of(symbol: &str, decimals: u8, floor: f64, money: Money) -> Self {
        Self { symbol: symbol.to_owned(), money, floor: 10f64.powi(i32::from(decimals)) * floor, decimals }
    }
}

/// Chain, symbol, decimals, floor in whole units.
#[rustfmt::skip]
const COINS: [(u64, &str, u8, f64); 9] = [
    (1, "ETH", 18, 5.0),
    (56, "BNB", 18, 30.0),
    (137, "MATIC", 18, 10000.0),
    (250, "FTM", 18, 10000.0),
    (100, "XDAI", 18, 10000.0),
    (42161, "ETH", 18, 5.0),
    (10, "ETH", 18, 5.0),
    (8453, "ETH", 18, 5.0),
    (43114, "AVAX", 18, 300.0),
];

/// The wrapped coins, by chain.
#[rustfmt::skip]
const WRAPPED: [(u64, &str); 9] = [
    (1, "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"),
    (10, "0x4200000000000000000000000000000000000006"),
    (56, "0xbb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c"),
    (100, "0xe91d153e0b41518a2ce8dd3d7944fa863463a97d"),
    (137, "0x0d500b1d8e8ef31e21c99d1db9a6444d3adf1270"),
    (250, "0x21be370d5312f44cb42ce377bc9b8a0cef1a4c83"),
    (8453, "0x4200000000000000000000000000000000000006"),
    (42161, "0x82af49447d8a07e3bd95bd0d56f35241523fbab1"),
    (43114, "0xb31f66aa3c1e785363f0875a1b74e27b85fd66c7"),
];

/// Coins that are wrapped on chains of which no prices are shipped.
const WRAPPED_ELSEWHERE: [&str; 26] = [
    "0x039e2fb66102314ce7b64ce5ce3e5183bc94ad38", // Sonic
    "0xe5d7c2a44ffddf6b295a15c148167daaaf5cf34f", // Linea
    "0x5300000000000000000000000000000000000004", // Scroll
    "0x5aea5775959fbc2557cc8789bc1bf90a239d9a91", // ZKsync Era
    "0x4f9a0e7fd2bf6067db6994cf12e4495df938e6e9", // Polygon zkEVM
    "0x78c1b0c915c4faa5fffa6cabf0219da63d7f4cb8", // Mantle
    "0xacc15dc74880c9944775448304b263d191c6077f", // Moonbeam
    "0x98878b06940ae243284ca214f92bb71a2b032b8a", // Moonriver
    "0x5c7f8a570d578ed84e63fdfa7b1ee72deae1ae23", // Cronos
    "0x4300000000000000000000000000000000000004", // Blast
    "0x6969696969696969696969696969696969696969", // Berachain
    "0x5555555555555555555555555555555555555555", // HyperEVM
    "0x722e8bdd2ce80a4422e880164f2079488e115365", // Arbitrum Nova
    "0xc86c7c0efbd6a49b35e8714c5f59d99de09a225b", // Kava
    "0xc9bdeed33cd01541e1eed10f90519d2c06fe3feb", // Aurora
    "0x75cb093e4d61d2a2e65d8e0bbb01de8d89b53481", // Metis
    "0xa1077a294dde1b09bb078844df40758a5d0f9a27", // PulseChain
    "0xe30fedd158a2e3b13e9badaeabafc5516e95e8c7", // Sei
    "0xcf664087a5bb0237a0bad6742852ec6c8d69a27a", // Harmony
    "0xe4f05a66ec68b54a58b17c22107b02e0232cc817", // Kaia
    "0xe514d9deb7966c8be0ca922de8a064264ea6bcd4", // Ronin
    "0x40375c92d9faf44d2f9db9bd9ba41a3317a2404f", // Core
    "0x0dc808adce2099a9f62aa87d9670745aba741746", // Manta Pacific
    "0x48b62137edfa95a428d35c09e44256a739f6b557", // ApeChain
    "0xfff9976782d46cc05630d1f6ebab18b2324d6b14", // Sepolia
    "0xb4fbf271143f4fbf7b91a5ded31805e42b2208d6", // Goerli
];

/// Chain, token, symbol, decimals, floor in whole units, kind of money.
#[rustfmt::skip]
const TOKENS: [(u64, &str, &str, u8, f64, Money); 61] = [
    (1, "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "WETH", 18, 5.0, Money::Coin),
    (1, "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", 6, 10000.0, Money::Dollar),
    (1, "0xdac17f958d2ee523a2206206994597c13d831ec7", "USDT", 6, 10000.0, Money::Dollar),
    (1, "0x6b175474e89094c44da98b954eedeac495271d0f", "DAI", 18, 10000.0, Money::Dollar),
    (1, "0x89d24a6b4ccb1b6faa2625fe562bdd9a23260359", "SAI", 18, 10000.0, Money::Dollar),
    (1, "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "WBTC", 8, 0.3, Money::Bitcoin),
    (1, "0xeb4c2781e4eba804ce9a9803c67d0893436bb27d", "renBTC", 8, 0.3, Money::Bitcoin),
    (1, "0xcbb7c0000ab88b473b1f5afd9ef808440eed33bf", "cbBTC", 8, 0.2, Money::Bitcoin),
    (1, "0xae7ab96520de3a18e5e111b5eaab095312d7fe84", "stETH", 18, 5.0, Money::Coin),
    (1, "0x7f39c581f595b53c5cb19bd0b3f8da6c935e2ca0", "wstETH", 18, 5.0, Money::Coin),
    (1, "0xae78736cd615f374d3085123a210448e74fc6393", "rETH", 18, 5.0, Money::Coin),
    (1, "0x57ab1ec28d129707052df4df418d58a2d46d5f51", "sUSD", 18, 10000.0, Money::Dollar),
    (1, "0x4fabb145d64652a948d72533023f6e7a623c7c53", "BUSD", 18, 10000.0, Money::Dollar),
    (1, "0x0000000000085d4780b73119b644ae5ecd22b376", "TUSD", 18, 10000.0, Money::Dollar),
    (1, "0x853d955acef822db058eb8505911ed77f175b99e", "FRAX", 18, 10000.0, Money::Dollar),
    (1, "0x5f98805a4e8be255a32880fdec7f6728c6568ba0", "LUSD", 18, 10000.0, Money::Dollar),
    (1, "0x99d8a9c45b2eca8864373a26d1459e3dff1e17f3", "MIM", 18, 10000.0, Money::Dollar),
    (1, "0x056fd409e1d7a124bd7017459dfea2f387b6d5cd", "GUSD", 2, 10000.0, Money::Dollar),
    (1, "0x6c3f90f043a72fa612cbac8115ee7e52bde6e490", "3Crv", 18, 10000.0, Money::Dollar),
    (1, "0xf939e0a03fb07f59a73314e73794be0e57ac1b4e", "crvUSD", 18, 10000.0, Money::Dollar),
    (1, "0x4c9edd5852cd905f086c759e8383e09bff1e68b3", "USDe", 18, 10000.0, Money::Dollar),
    (1, "0x83f20f44975d03b1b09e64809b757c47f942beea", "sDAI", 18, 10000.0, Money::Dollar),
    (1, "0x1456688345527be1f37e9e627da0837d6f08c925", "USDP(VUSD)", 18, 10000.0, Money::Dollar),
    (1, "0x40d16fc0246ad3160ccc09b8d0d3a2cd28ae6c2f", "GHO", 18, 10000.0, Money::Dollar),
    (56, "0xbb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c", "WBNB", 18, 30.0, Money::Coin),
    (56, "0xe9e7cea3dedca5984780bafc599bd69add087d56", "BUSD", 18, 10000.0, Money::Dollar),
    (56, "0x55d398326f99059ff775485246999027b3197955", "USDT", 18, 10000.0, Money::Dollar),
    (56, "0x8ac76a51cc950d9822d68b83fe1ad97b32cd580d", "USDC", 18, 10000.0, Money::Dollar),
    (56, "0x1af3f329e8be154074d8769d1ffa4ee058b1dbc3", "DAI", 18, 10000.0, Money::Dollar),
    (56, "0x2170ed0880ac9a755fd29b2688956bd959f933f8", "ETH", 18, 5.0, Money::Ether),
    (56, "0x7130d2a12b9bcbfae4f2634d864a1ee1ce3ead9c", "BTCB", 18, 0.3, Money::Bitcoin),
    (56, "0x0e09fabb73bd3ade0a17ecc321fd13a19e81ce82", "CAKE", 18, 1500.0, Money::Other),
    (137, "0x0d500b1d8e8ef31e21c99d1db9a6444d3adf1270", "WMATIC", 18, 10000.0, Money::Coin),
    (137, "0x2791bca1f2de4661ed88a30c99a7a9449aa84174", "USDC", 6, 10000.0, Money::Dollar),
    (137, "0xc2132d05d31c914a87c6611c10748aeb04b58e8f", "USDT", 6, 10000.0, Money::Dollar),
    (137, "0x8f3cf7ad23cd3cadbd9735aff958023239c6a063", "DAI", 18, 10000.0, Money::Dollar),
    (137, "0x7ceb23fd6bc0add59e62ac25578270cff1b9f619", "WETH", 18, 5.0, Money::Ether),
    (137, "0x1bfd67037b42cf73acf2047067bd4f2c47d9bfd6", "WBTC", 8, 0.3, Money::Bitcoin),
    (137, "0x3a58a54c066fdc0f2d55fc9c89f0415c92ebf3c4", "stMATIC", 18, 10000.0, Money::Coin),
    (137, "0xa3fa99a148fa48d14ed51d610c367c61876997f1", "miMATIC", 18, 10000.0, Money::Dollar),
    (250, "0x21be370d5312f44cb42ce377bc9b8a0cef1a4c83", "WFTM", 18, 10000.0, Money::Coin),
    (250, "0x04068da6c83afcfa0e13ba15a6696662335d5b75", "USDC", 6, 10000.0, Money::Dollar),
    (250, "0x8d11ec38a3eb5e956b052f67da8bdc9bef8abf3e", "DAI", 18, 10000.0, Money::Dollar),
    (250, "0x74b23882a30290451a17c44f4f05243b6b58c76d", "WETH", 18, 5.0, Money::Ether),
    (100, "0xe91d153e0b41518a2ce8dd3d7944fa863463a97d", "WXDAI", 18, 10000.0, Money::Coin),
    (100, "0xddafbb505ad214d7b80b1f830fccc89b60fb7a83", "USDC", 6, 10000.0, Money::Dollar),
    (100, "0x4ecaba5870353805a9f068101a40e0f32ed605c6", "USDT", 6, 10000.0, Money::Dollar),
    (100, "0x6a023ccd1ff6f2045c3309768ead9e68f978f6e1", "WETH", 18, 5.0, Money::Ether),
    (10, "0x4200000000000000000000000000000000000006", "WETH", 18, 5.0, Money::Coin),
    (10, "0x0b2c639c533813f4aa9d7837caf62653d097ff85", "USDC", 6, 10000.0, Money::Dollar),
    (10, "0x94b008aa00579c1307b0ef2c499ad98a8ce58e58", "USDT", 6, 10000.0, Money::Dollar),
    (8453, "0x4200000000000000000000000000000000000006", "WETH", 18, 5.0, Money::Coin),
    (8453, "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913", "USDC", 6, 10000.0, Money::Dollar),
    (8453, "0xcbb7c0000ab88b473b1f5afd9ef808440eed33bf", "cbBTC", 8, 0.2, Money::Bitcoin),
    (42161, "0x82af49447d8a07e3bd95bd0d56f35241523fbab1", "WETH", 18, 5.0, Money::Coin),
    (42161, "0xaf88d065e77c8cc2239327c5edb3a432268e5831", "USDC", 6, 10000.0, Money::Dollar),
    (42161, "0xff970a61a04b1ca14834a43f5de4533ebddb5cc8", "USDC.e", 6, 10000.0, Money::Dollar),
    (42161, "0xfd086bc7cd5c481dcc9c85ebe478a1c0b69fcbb9", "USDT", 6, 10000.0, Money::Dollar),
    (42161, "0x2f2a2543b76a4166549f7aab2e75bef0aefc5b0f", "WBTC", 8, 0.3, Money::Bitcoin),
    (43114, "0xb31f66aa3c1e785363f0875a1b74e27b85fd66c7", "WAVAX", 18, 300.0, Money::Coin),
    (43114, "0xb97ef9ef8734c71904d8002f8b6bc66dd9c48a6e", "USDC", 6, 10000.0, Money::Dollar),
];
