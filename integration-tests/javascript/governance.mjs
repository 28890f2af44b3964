// Plays governance on a development chain: docs/quickstart.md.
//
//   node governance.mjs WS_URL fund AMOUNT ACCOUNT…     sends whole tokens of Alice's to each account
//   node governance.mjs WS_URL invite ACCOUNT…          has the council invite accounts as directors

import { connect } from './chain.mjs';

const UNIT = 1_000_000_000_000n;
const USAGE = 'node governance.mjs WS_URL fund AMOUNT ACCOUNT… | node governance.mjs WS_URL invite ACCOUNT…';

async function fund(chain, [amount, ...accounts]) {
  const { api, council: [alice] } = chain;
  const each = BigInt(amount) * UNIT;
  const transfers = accounts.map((account) => api.tx.balances.transferKeepAlive(account, each));
  for (const transfer of transfers) {
    await chain.send(transfer, alice);
  }
  console.log(`${accounts.length} accounts have ${amount} tokens each`);
}

async function invite(chain, accounts) {
  for (const account of accounts) {
    await chain.pass(chain.api.tx.directorRegistry.addDirector(account));
    console.log(`${account} is invited`);
  }
}

const [url, what, ...rest] = process.argv.slice(2);
const action = { fund, invite }[what];
if (!action || rest.length === 0) {
  console.error(`usage: ${USAGE}`);
  process.exit(2);
}
try {
  const chain = await connect(url);
  await action(chain, rest);
  await chain.disconnect();
} catch (error) {
  console.error(`governance: ${error.message}`);
  process.exit(1);
}
