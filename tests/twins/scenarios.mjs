// Each scenario is set up once, then goes one way as an attack and another as its benign twin. What an attack must make the detector
// find is beside it; its twin must make it find nothing.

import { attacks } from './attacks.mjs';

const ether = (whole) => BigInt(whole) * 10n ** 18n;

/** Tokens, a vault with a million of them, and a user with as many. */
async function vault(node) {
  const [deployer, user] = node.accounts;
  const token = await node.deploy(deployer, 'Token');
  const vault = await node.deploy(deployer, 'Vault', token.address);
  for (const account of [deployer, user]) {
    await node.call(deployer, token, 'mint', [account, ether(1_000_000)]);
    await node.call(account, token, 'approve', [vault.address, ether(1_000_000)]);
  }
  await node.mine();
  await node.call(deployer, vault, 'deposit', [ether(1_000_000)]);
  await node.mine();
  return { token, vault, deployer, user };
}

/** A bank with money of others, and a customer with ten coins in it. */
async function bank(node) {
  const [deployer, other, thief] = node.accounts;
  const bank = await node.deploy(deployer, 'Bank');
  const customer = await node.deploy(thief, 'Customer', bank.address);
  await node.call(other, bank, 'put', [], ether(100));
  await node.call(thief, customer, 'put', [], ether(20));
  await node.mine();
  return { customer, thief };
}

/** Three people who approved a router. */
async function router(node) {
  const [deployer, thief, ...others] = node.accounts;
  const token = await node.deploy(deployer, 'Token');
  const router = await node.deploy(deployer, 'Router');
  const buyer = await node.deploy(thief, 'Buyer');
  const people = others.slice(0, 3);
  for (const person of people) {
    await node.call(deployer, token, 'mint', [person, ether(500)]);
    await node.call(person, token, 'approve', [router.address, ether(500)]);
  }
  await node.mine();
  return { token, router, buyer, people, thief };
}

/** A token that is locked here and issued there. */
async function bridge(here, there) {
  const [deployer, user] = here.accounts;
  // An account of nobody's holds what is locked.
  const escrow = '0x00000000000000000000000000000000000000ec';
  const locked = await here.deploy(deployer, 'Token');
  const issued = await there.deploy(deployer, 'Token');
  await here.call(deployer, locked, 'mint', [escrow, ether(1_000)]);
  await here.call(deployer, locked, 'mint', [user, ether(1_000)]);
  await there.call(deployer, issued, 'mint', [user, ether(1_000)]);
  await here.mine();
  await there.mine();
  return { deployer, user, escrow, locked, issued };
}

async function stand(nodes, blocks) {
  for (let at = 0; at < blocks; at++) for (const node of nodes) await node.mine();
}

export const scenarios = [
  {
    name: 'a gift to a vault, and a deposit',
    detector: 'share-price',
    grant: ['chain', 'state', 'traces'],
    setUp: ([node]) => vault(node),
    config: ({ token, vault }) => `
[[detector.share-price.config.vaults]]
address = "${vault.address}"
label = "Vault"
asset = "${token.address}"
dust = "1000"`,
    attack: async ([node], { token, vault, user }) => {
      await node.mine();
      await node.call(user, token, 'transfer', [vault.address, ether(50_000)]);
      await node.mine();
    },
    twin: async ([node], { vault, user }) => {
      await node.mine();
      await node.call(user, vault, 'deposit', [ether(50_000)]);
      await node.mine();
    },
    finds: ['gift-moves-price critical'],
  },
  {
    name: 'tokens issued for nothing, and a transfer there and back',
    detector: 'bridge-accounting',
    grant: ['chain', 'state'],
    chains: 2,
    setUp: ([here, there]) => bridge(here, there),
    config: ({ escrow, locked, issued }) => `
[[detector.bridge-accounting.config.bridges]]
name = "Bridge"
locked = [{ chain = 31337, holder = "${escrow}", token = "${locked.address}" }]
minted = [{ chain = 31338, token = "${issued.address}" }]
grace_s = 20`,
    attack: async (nodes, { deployer, user, issued }) => {
      await stand(nodes, 3);
      await nodes[1].call(deployer, issued, 'mint', [user, ether(5_000)]);
      await stand(nodes, 5);
    },
    twin: async (nodes, { deployer, user, escrow, locked, issued }) => {
      await stand(nodes, 3);
      await nodes[0].call(user, locked, 'transfer', [escrow, ether(500)]);
      await stand(nodes, 1);
      await nodes[1].call(deployer, issued, 'mint', [user, ether(500)]);
      await stand(nodes, 3);
      await nodes[1].call(deployer, issued, 'burn', [user, ether(700)]);
      await stand(nodes, 1);
      await nodes[0].call(deployer, locked, 'burn', [escrow, ether(700)]);
      await stand(nodes, 5);
    },
    finds: ['unbacked-mint critical'],
  },
  {
    name: 'two accounts emptied into one, and two that pay',
    detector: 'key-compromise',
    grant: ['chain', 'state'],
    setUp: async ([node]) => {
      await node.mine();
      return { deployer: node.accounts[0], keeper: node.accounts[1], treasury: node.accounts[2], thief: node.accounts[3] };
    },
    config: ({ deployer, keeper, treasury }) => `
[detector.key-compromise.config]
accounts = [{ address = "${deployer}", label = "Deployer" }, { address = "${keeper}", label = "Keeper" }]
expected = ["${treasury}"]`,
    attack: async ([node], { deployer, keeper, thief }) => {
      await node.pay(deployer, thief, ether(9_990));
      await node.mine();
      await node.pay(keeper, thief, ether(9_990));
      await node.mine();
    },
    twin: async ([node], { deployer, keeper, treasury, thief }) => {
      await node.pay(deployer, treasury, ether(9_990));
      await node.pay(keeper, thief, ether(500));
      await node.mine();
    },
    finds: ['account-emptied medium', 'emptied-together critical'],
  },
  {
    name: 'taking while being paid, and taking twice',
    detector: 'attacks',
    grant: ['chain', 'traces'],
    setUp: ([node]) => bank(node),
    config: () => '',
    attack: async ([node], { customer, thief }) => {
      await node.call(thief, customer, 'takeWhilePaid', [ether(10)]);
      await node.mine();
    },
    twin: async ([node], { customer, thief }) => {
      await node.call(thief, customer, 'takeTwice', [ether(10)]);
      await node.mine();
    },
    finds: ['reentered critical'],
  },
  {
    name: 'tokens that others approved to a router, taken and bought',
    detector: 'attacks',
    grant: ['chain', 'traces'],
    setUp: ([node]) => router(node),
    config: () => '',
    attack: async ([node], { token, router, buyer, people, thief }) => {
      await node.call(thief, buyer, 'buy', [router.address, token.address, people, ether(500), 0]);
      await node.mine();
    },
    twin: async ([node], { token, router, buyer, people, thief }) => {
      await node.call(thief, buyer, 'buy', [router.address, token.address, people, ether(500), ether(1)], ether(3));
      await node.mine();
    },
    finds: ['third-party-pull critical'],
  },
  ...attacks,
];
