// What the detectors of `attacks` see in one transaction, each with its benign twin.

const ether = (whole) => BigInt(whole) * 10n ** 18n;
const all = 2n ** 256n - 1n;

/** A pair of a dollar and another token, a shop that trusts its price, and contracts that trade. */
async function market(node) {
  const [deployer, trader] = node.accounts;
  const dollar = await node.deploy(deployer, 'Token');
  const other = await node.deploy(deployer, 'Token');
  const pair = await node.deploy(deployer, 'Pair', dollar.address, other.address);
  const shop = await node.deploy(deployer, 'Shop', pair.address);
  const bender = await node.deploy(trader, 'Bender');
  const syncer = await node.deploy(trader, 'Syncer');
  for (const holder of [pair, shop, bender, syncer]) await node.call(deployer, dollar, 'mint', [holder.address, ether(100_000)]);
  for (const holder of [pair, syncer]) await node.call(deployer, other, 'mint', [holder.address, ether(100_000)]);
  await node.mine();
  await node.call(deployer, pair, 'sync');
  await node.mine();
  return { trader, dollar, pair, shop, bender, syncer };
}

const dollars = ({ dollar }) => `
[detector.attacks.config]
assets = [{ chain = 31337, address = "${dollar.address}", symbol = "USD", decimals = 18, floor = 10000, money = "dollar" }]`;

/** A kiosk with coins, and a seller with tokens. */
async function kiosk(node) {
  const [deployer, thief] = node.accounts;
  const token = await node.deploy(deployer, 'Token');
  const kiosk = await node.deploy(deployer, 'Kiosk');
  const seller = await node.deploy(thief, 'Seller');
  await node.call(deployer, token, 'mint', [seller.address, ether(100)]);
  await node.pay(deployer, kiosk.address, ether(100));
  await node.mine();
  return { thief, token, kiosk, seller };
}

/** A treasury with coins, and a manager who owns it. */
async function treasury(node) {
  const [deployer, thief, supplier] = node.accounts;
  const manager = await node.deploy(thief, 'Manager');
  const treasury = await node.deploy(deployer, 'Treasury', manager.address);
  await node.pay(deployer, treasury.address, ether(100));
  await node.mine();
  return { deployer, thief, supplier, manager, treasury };
}

/** A fund with coins, and a contract that has shares of it. */
async function fund(node) {
  const [deployer, owner] = node.accounts;
  const shares = await node.deploy(deployer, 'Token');
  const fund = await node.deploy(deployer, 'Fund', shares.address);
  const holder = await node.deploy(owner, 'Holder');
  await node.call(deployer, shares, 'mint', [holder.address, ether(100)]);
  await node.pay(deployer, fund.address, ether(100));
  await node.mine();
  return { owner, holder, fund };
}

/** Somebody who lends tokens, which give a vote in a council and a share of a farm's reward. */
async function members(node) {
  const [deployer, thief, supplier, voter] = node.accounts;
  const token = await node.deploy(deployer, 'Token');
  const lender = await node.deploy(deployer, 'Lender');
  const council = await node.deploy(deployer, 'Council', token.address);
  const farm = await node.deploy(deployer, 'Farm', token.address);
  const member = await node.deploy(thief, 'Member');
  await node.call(deployer, token, 'mint', [lender.address, ether(10_000)]);
  await node.call(deployer, token, 'mint', [member.address, ether(1_000)]);
  await node.call(deployer, token, 'mint', [voter, ether(20_000)]);
  await node.call(voter, token, 'approve', [farm.address, ether(1)]);
  await node.pay(deployer, council.address, ether(100));
  await node.call(deployer, farm, 'fund', [], ether(30));
  await node.mine();
  await node.call(voter, farm, 'enter', [ether(1)]);
  await node.mine();
  return { deployer, thief, supplier, voter, token, lender, council, farm, member };
}

/** Somebody who approved a relay, and a contract that asks it for calls. */
async function relay(node) {
  const [deployer, thief, person] = node.accounts;
  const token = await node.deploy(deployer, 'Token');
  const relay = await node.deploy(deployer, 'Relay');
  const dictator = await node.deploy(thief, 'Dictator');
  for (const account of [person, dictator.address]) await node.call(deployer, token, 'mint', [account, ether(500)]);
  await node.call(person, token, 'approve', [relay.address, ether(500)]);
  await node.mine();
  return { thief, person, token, relay, dictator };
}

/** A teller with coins who buys a token that counts wrongly, and a contract that has some. */
async function teller(node) {
  const [deployer, thief] = node.accounts;
  const token = await node.deploy(deployer, 'MirrorToken');
  const teller = await node.deploy(deployer, 'Teller', token.address);
  const doubler = await node.deploy(thief, 'Doubler');
  await node.call(deployer, token, 'mint', [doubler.address, ether(10)]);
  await node.pay(deployer, teller.address, ether(100));
  await node.mine();
  return { thief, token, teller, doubler };
}

const attack = { detector: 'attacks', grant: ['chain', 'traces'], config: () => '' };

export const attacks = [
  {
    ...attack,
    name: 'a price bent for a shop, and a trade there and back',
    setUp: ([node]) => market(node),
    config: dollars,
    attack: async ([node], { trader, pair, shop, bender }) => {
      await node.call(trader, bender, 'bend', [pair.address, shop.address, ether(90_000), 40]);
      await node.mine();
    },
    twin: async ([node], { trader, pair, shop, bender }) => {
      await node.call(trader, bender, 'bend', [pair.address, shop.address, ether(90_000), 0]);
      await node.mine();
    },
    finds: ['round-trip high'],
  },
  {
    ...attack,
    name: 'what a pair holds burnt, and a pair synced',
    setUp: ([node]) => market(node),
    config: dollars,
    attack: async ([node], { trader, pair, syncer }) => {
      await node.call(trader, syncer, 'drain', [pair.address, ether(99_000), ether(10_000)]);
      await node.mine();
    },
    twin: async ([node], { trader, pair, syncer }) => {
      await node.call(trader, syncer, 'trade', [pair.address, ether(10_000)]);
      await node.mine();
    },
    finds: ['reserves-fell high', 'skim-sync high'],
  },
  {
    ...attack,
    name: 'coins for a token that is none, and for one that is',
    setUp: ([node]) => kiosk(node),
    attack: async ([node], { thief, kiosk, seller }) => {
      await node.call(thief, seller, 'sellItself', [kiosk.address, ether(20)]);
      await node.mine();
    },
    twin: async ([node], { thief, token, kiosk, seller }) => {
      await node.call(thief, seller, 'sell', [kiosk.address, token.address, ether(20)]);
      await node.mine();
    },
    finds: ['spoofed-counterpart critical'],
  },
  {
    ...attack,
    name: 'a treasury taken, and one handed over',
    setUp: ([node]) => treasury(node),
    attack: async ([node], { thief, manager, treasury }) => {
      await node.call(thief, manager, 'take', [treasury.address, ether(20)]);
      await node.mine();
    },
    twin: async ([node], { deployer, thief, supplier, manager, treasury }) => {
      await node.call(thief, manager, 'handOver', [treasury.address, supplier, ether(20), deployer]);
      await node.mine();
    },
    finds: ['takeover-drain critical'],
  },
  {
    ...attack,
    name: 'a sum that overflows, and one that does not',
    setUp: async ([node]) => {
      const [deployer, holder] = node.accounts;
      const token = await node.deploy(deployer, 'BatchToken');
      await node.call(deployer, token, 'mint', [holder, ether(100)]);
      await node.mine();
      return { token, holder };
    },
    attack: async ([node], { token, holder }) => {
      await node.call(holder, token, 'batchTransfer', [[node.accounts[2], node.accounts[3]], 2n ** 255n]);
      await node.mine();
    },
    twin: async ([node], { token, holder }) => {
      await node.call(holder, token, 'batchTransfer', [[node.accounts[2], node.accounts[3]], ether(50)]);
      await node.mine();
    },
    finds: ['absurd-amount high'],
  },
  {
    ...attack,
    name: 'a fund emptied for nothing, and for its shares',
    setUp: ([node]) => fund(node),
    attack: async ([node], { owner, holder, fund }) => {
      await node.call(owner, holder, 'rescue', [fund.address, ether(85)]);
      await node.mine();
    },
    twin: async ([node], { owner, holder, fund }) => {
      await node.call(owner, holder, 'redeem', [fund.address, ether(85)]);
      await node.mine();
    },
    finds: ['balance-drain critical'],
  },
  {
    ...attack,
    name: 'a vote by a loan, and one by a holder',
    setUp: ([node]) => members(node),
    attack: async ([node], { thief, token, lender, council, member, voter, deployer }) => {
      await node.call(deployer, token, 'burn', [voter, ether(19_000)]);
      await node.mine();
      await node.call(thief, member, 'voteWithLoan', [lender.address, token.address, ether(10_000), council.address]);
      await node.mine();
    },
    twin: async ([node], { thief, supplier, voter, council, member }) => {
      await node.call(voter, council, 'submit', [supplier, ether(20)]);
      await node.mine();
      await node.call(voter, council, 'castVote', [1, 1]);
      await node.mine();
      await node.call(thief, member, 'execute', [council.address]);
      await node.mine();
    },
    finds: ['governed-gain critical', 'flash-gain high', 'free-gain high'],
  },
  {
    ...attack,
    name: 'a reward for a loan, and for a stake',
    setUp: ([node]) => members(node),
    attack: async ([node], { thief, token, lender, farm, member }) => {
      await node.call(thief, member, 'farmWithLoan', [lender.address, token.address, ether(10_000), farm.address]);
      await node.mine();
    },
    twin: async ([node], { thief, token, farm, member }) => {
      await node.call(thief, member, 'enter', [farm.address, token.address, ether(1_000)]);
      await node.mine(86_400);
      await node.call(thief, member, 'leave', [farm.address]);
      await node.mine();
    },
    finds: ['flash-gain high', 'large-gain high', 'free-gain high'],
  },
  {
    ...attack,
    name: 'a new contract that approves three without limit, and one that approves what it needs',
    setUp: async ([node]) => ({ token: await node.deploy(node.accounts[0], 'Token') }),
    attack: async ([node], { token }) => {
      await node.deploy(node.accounts[1], 'Approver', token.address, node.accounts.slice(2, 5), all);
    },
    twin: async ([node], { token }) => {
      await node.deploy(node.accounts[1], 'Approver', token.address, node.accounts.slice(2, 5), ether(10));
    },
    finds: ['unlimited-approvals medium'],
  },
  {
    ...attack,
    name: 'a call that takes what somebody approved, and one that takes one\'s own',
    setUp: ([node]) => relay(node),
    attack: async ([node], { thief, person, token, relay, dictator }) => {
      await node.call(thief, dictator, 'pull', [relay.address, token.address, person, ether(500)]);
      await node.mine();
    },
    twin: async ([node], { thief, person, token, relay, dictator }) => {
      await node.call(thief, dictator, 'send', [relay.address, token.address, person, ether(500)]);
      await node.mine();
    },
    finds: ['dictated-call high'],
  },
  {
    ...attack,
    name: 'a token doubled by sending it to oneself, and sold as it is',
    setUp: ([node]) => teller(node),
    attack: async ([node], { thief, token, teller, doubler }) => {
      await node.call(thief, doubler, 'sell', [token.address, teller.address, 5]);
      await node.mine();
    },
    twin: async ([node], { thief, token, teller, doubler }) => {
      await node.call(thief, doubler, 'sell', [token.address, teller.address, 0]);
      await node.mine();
    },
    finds: ['self-transfer high'],
  },
];
