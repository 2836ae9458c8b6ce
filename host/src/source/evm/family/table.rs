//! Which chain is of which family, by EIP-155 id.

use super::Family;
use crate::block::ChainId;

/// Chains whose encodings are not simply Ethereum's.
pub(super) const FAMILIES: &[(Family, &[ChainId])] = &[
    (
        Family::OpStack,
        &[
            10,          // OP Mainnet
            130,         // Unichain
            204,         // opBNB
            252,         // Fraxtal
            288,         // Boba
            291,         // Orderly
            480,         // World Chain
            690,         // Redstone
            957,         // Lyra
            1_135,       // Lisk
            1_301,       // Unichain Sepolia
            1_750,       // Metal
            1_868,       // Soneium
            5_330,       // Superseed
            7_560,       // Cyber
            8_453,       // Base
            34_443,      // Mode
            57_073,      // Ink
            81_457,      // Blast
            84_532,      // Base Sepolia
            185,         // Mint
            7_777_777,   // Zora
            11_155_420,  // OP Sepolia
            999_999_999, // Zora Sepolia
        ],
    ),
    (
        Family::Arbitrum,
        &[
            42_161,  // Arbitrum One
            42_170,  // Arbitrum Nova
            421_614, // Arbitrum Sepolia
            660_279, // Xai
            33_139,  // ApeChain
        ],
    ),
    (Family::Polygon, &[137, 80_002]),
    (Family::Bsc, &[56, 97]),
    (Family::Gnosis, &[100, 10_200]),
    (Family::Avalanche, &[43_114, 43_113]),
    (Family::Celo, &[42_220, 44_787, 62_320, 11_142_220]),
    (Family::Zksync, &[324, 300, 2_741, 11_124, 388, 232]),
    (Family::Linea, &[59_144, 59_141]),
    (Family::Scroll, &[534_352, 534_351]),
    (
        Family::CosmosEvm,
        &[
            25,    // Cronos
            338,   // Cronos testnet
            9_001, // Evmos
            2_222, // Kava
            7_000, // ZetaChain
            1_329, // Sei
            988,   // Stable
            2_201, // Stable testnet
            1_328, // Sei testnet
            2_221, // Kava testnet
            7_001, // ZetaChain testnet
            7_700, // Canto
            1_776, // Injective
            9_000, // Evmos testnet
        ],
    ),
    (Family::Filecoin, &[314, 314_159]),
    (
        Family::Other,
        &[
            945,           // Bittensor testnet
            964,           // Bittensor
            592,           // Astar
            1_284,         // Moonbeam
            1_285,         // Moonriver
            1_287,         // Moonbase
            4_217,         // Tempo
            42_431,        // Tempo Moderato
            295,           // Hedera
            296,           // Hedera testnet
            728_126_428,   // Tron
            2_494_104_990, // Tron Shasta
            3_448_148_188, // Tron Nile
            747,           // Flow
            545,           // Flow testnet
            146,           // Sonic
            250,           // Fantom
            8_217,         // Kaia
            1_001,         // Kaia Kairos
            1_088,         // Metis
            2_818,         // Morph
            5_000,         // Mantle
            5_003,         // Mantle Sepolia
            80_094,        // Berachain
        ],
    ),
];

/// From which height on a chain's blocks are of its family: those before are of another make.
pub(super) const REMADE: &[(ChainId, Family, u64)] = &[
    (10, Family::OpStack, 105_235_063),     // Bedrock
    (42_161, Family::Arbitrum, 22_207_817), // Nitro
    (100, Family::Gnosis, 25_349_537),      // the merge
    (42_220, Family::Celo, 31_056_500),     // layer 2
    (44_787, Family::Celo, 26_384_000),     // layer 2
    (62_320, Family::Celo, 28_308_600),     // layer 2
];
