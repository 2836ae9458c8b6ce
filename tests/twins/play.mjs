// Plays attacks and their benign twins on real nodes, each watched by a real host, and compares what was found with what must be.
//
//     node tests/twins/play.mjs HOST COMPONENTS MODULES [NAME…]
//
// HOST is the binary, COMPONENTS the folder of built detectors, MODULES the folder with anvil and solc. Names are parts of scenarios'
// names or detectors. Ends with 1 where something else was found.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, Host, Node } from './node.mjs';
import { scenarios } from './scenarios.mjs';

const [host, components, modules, ...names] = process.argv.slice(2);
if (!modules) {
  console.error('usage: node tests/twins/play.mjs HOST COMPONENTS MODULES [NAME…]');
  process.exit(2);
}
const anvil = process.env.WATCHFIRE_ANVIL ?? join(modules, '@foundry-rs/anvil-linux-amd64/bin/anvil');
const contracts = compile(modules, dirname(fileURLToPath(import.meta.url)));

/** Kinds and severities that one way of a scenario makes a detector find. */
async function play(scenario, way) {
  const nodes = [];
  let watching;
  try {
    for (let at = 0; at < (scenario.chains ?? 1); at++) nodes.push(await Node.start(anvil, 31337 + at, contracts));
    const world = await scenario.setUp(nodes);
    const component = join(components, `${scenario.detector}.wasm`);
    watching = await Host.start(host, scenario.detector, component, scenario.grant, scenario.config(world), nodes);
    await watching.caughtUp(nodes);
    await way(nodes, world);
    await watching.caughtUp(nodes);
    return await watching.end();
  } finally {
    watching?.child.kill('SIGKILL');
    nodes.forEach((node) => node.stop());
  }
}

let failed = 0;
const chosen = scenarios.filter(({ name, detector }) => names.length === 0 || names.some((part) => name.includes(part) || detector === part));
for (const scenario of chosen) {
  for (const [way, expected] of [['attack', scenario.finds], ['twin', []]]) {
    const found = await play(scenario, scenario[way]);
    const isRight = found.join() === expected.join();
    failed += isRight ? 0 : 1;
    console.log(`${isRight ? 'ok    ' : 'FAILED'} ${scenario.detector}: ${scenario.name}, ${way}: ${found.join(', ') || 'nothing'}`);
    if (!isRight) console.log(`       expected: ${expected.join(', ') || 'nothing'}`);
  }
}
console.log(`${chosen.length} scenarios, ${failed} wrong`);
process.exit(failed > 0 || chosen.length === 0 ? 1 : 0);
