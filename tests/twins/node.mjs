// Real nodes, the compiled contracts, and the host that watches.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The contracts: code, and how to say what is called. */
export function compile(modules, folder) {
  const solc = createRequire(join(modules, 'x.js'))('solc');
  const settings = { outputSelection: { '*': { '*': ['evm.bytecode.object', 'evm.methodIdentifiers'] } }, optimizer: { enabled: true } };
  const files = ['Twins.sol', 'Attacks.sol'].map((name) => [name, { content: readFileSync(join(folder, name), 'utf8') }]);
  const input = { language: 'Solidity', sources: Object.fromEntries(files), settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const wrong = (output.errors ?? []).filter((error) => error.severity === 'error');
  if (wrong.length > 0) throw new Error(wrong.map((error) => error.formattedMessage).join('\n'));
  return Object.assign({}, ...Object.values(output.contracts));
}

const word = (value) => BigInt(value).toString(16).padStart(64, '0');

/** Arguments as the ABI has them: words, and lists of words. */
function encode(args) {
  let [head, tail] = ['', ''];
  for (const arg of args) {
    if (!Array.isArray(arg)) head += word(arg);
    else {
      head += word(args.length * 32 + tail.length / 2);
      tail += word(arg.length) + arg.map(word).join('');
    }
  }
  return head + tail;
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** A real anvil node that mines when it is told, at times that it is told. */
export class Node {
  static async start(binary, id, contracts) {
    const node = new Node();
    node.id = id;
    node.contracts = contracts;
    node.port = await freePort();
    node.url = `http://127.0.0.1:${node.port}`;
    node.child = spawn(binary, ['--port', String(node.port), '--no-mining', '--silent', '--chain-id', String(id), '--timestamp', '1700000000'], { stdio: 'ignore' });
    for (let attempt = 0; ; attempt++) {
      try {
        node.accounts = await node.rpc('eth_accounts', []);
        break;
      } catch (error) {
        if (attempt > 400) throw error;
        await sleep(100);
      }
    }
    node.time_s = 1_700_000_000;
    return node;
  }

  stop() {
    this.child.kill('SIGKILL');
  }

  async rpc(method, params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    const answer = await (await fetch(this.url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })).json();
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result;
  }

  /** A block, so many seconds after the last one. */
  async mine(after_s = 12) {
    this.time_s += after_s;
    await this.rpc('evm_mine', [this.time_s]);
    for (const hash of this.sent ?? []) {
      const receipt = await this.rpc('eth_getTransactionReceipt', [hash]);
      if (receipt?.status !== '0x1') throw new Error(`transaction ${hash} failed`);
    }
    this.sent = [];
  }

  async height() {
    return Number(await this.rpc('eth_blockNumber', []));
  }

  async send(from, to, value, data) {
    const transaction = { from, value: `0x${BigInt(value).toString(16)}`, data, gas: '0x2dc6c0', ...(to && { to }) };
    const hash = await this.rpc('eth_sendTransaction', [transaction]);
    (this.sent ??= []).push(hash);
    return hash;
  }

  pay(from, to, value) {
    return this.send(from, to, value, '0x');
  }

  async deploy(from, name, ...args) {
    const hash = await this.send(from, null, 0, `0x${this.contracts[name].evm.bytecode.object}${encode(args)}`);
    await this.mine();
    const { contractAddress } = await this.rpc('eth_getTransactionReceipt', [hash]);
    return { name, address: contractAddress };
  }

  /** Calls a function of a contract by its name. */
  call(from, contract, method, args = [], value = 0) {
    const known = this.contracts[contract.name].evm.methodIdentifiers;
    const signature = Object.keys(known).find((signature) => signature.startsWith(`${method}(`));
    return this.send(from, contract.address, value, `0x${known[signature]}${encode(args)}`);
  }
}

/** A host that watches nodes by one detector. */
export class Host {
  static async start(binary, detector, component, grant, config, nodes) {
    const host = new Host();
    host.folder = mkdtempSync(join(tmpdir(), 'twins-'));
    host.seen = new Map();
    host.findings = [];
    const chains = [];
    for (const node of nodes) {
      const start = await node.height();
      host.seen.set(node.id, start - 1);
      chains.push(`[chain.chain-${node.id}]\nid = ${node.id}\nendpoints = ["${node.url}"]\nstart = ${start}\npoll_interval_ms = 100\n`);
    }
    const section = `[detector.${detector}]\ncomponent = "${component}"\ngrant = ${JSON.stringify(grant)}\nlimits = { batch_deadline_ms = 60000 }\n\n${config}`;
    // Blocks come as fast as the node mines them: each waits for the detector, however slow the machine is.
    const slow = `[host]\npatience_ms = 10000\n`;
    writeFileSync(join(host.folder, 'watchfire.toml'), `${slow}\n${chains.join('\n')}\n${section}`);
    host.child = spawn(binary, ['run', '--format', 'json', '--log', 'warn'], { cwd: host.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    host.error = '';
    host.child.stderr.on('data', (bytes) => (host.error += bytes));
    host.ended = new Promise((done) => host.child.on('exit', done));
    host.child.on('exit', (code) => (host.code = code));
    let rest = '';
    host.child.stdout.on('data', (bytes) => {
      const lines = (rest + bytes).split('\n');
      rest = lines.pop();
      for (const line of lines.filter(Boolean)) host.read(JSON.parse(line), detector);
    });
    return host;
  }

  read(line, detector) {
    if (line.type === 'block') this.seen.set(line.chain, Math.max(line.number, this.seen.get(line.chain) ?? 0));
    if (line.type === 'finding' && line.detector === detector) this.findings.push(line);
    else if (line.type === 'finding') this.blind = `${line.kind}: ${line.title}`;
  }

  /** Waits until all blocks of the nodes were shown. */
  async caughtUp(nodes) {
    for (const node of nodes) {
      const height = await node.height();
      // The detector is compiled first, which takes minutes on a machine that is slow and busy.
      const until = Date.now() + 300_000;
      while ((this.seen.get(node.id) ?? -1) < height) {
        if (this.code !== undefined || Date.now() > until) throw new Error(`the host does not get to block ${height}: ${this.error}`);
        await sleep(50);
      }
    }
  }

  /** Ends it. Returns kinds and severities of what it found, each once, in order. */
  async end() {
    this.child.kill('SIGTERM');
    await this.ended;
    rmSync(this.folder, { recursive: true });
    if (this.blind) throw new Error(`the host was blind: ${this.blind}`);
    return [...new Set(this.findings.map((finding) => `${finding.kind} ${finding.severity}`))];
  }
}
