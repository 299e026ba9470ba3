// Seals a reference for a terminal in Node, 18 or later, with nothing but its own library:
//
//     node seal_reference.mjs TERMINAL.jwk SITE DEVICE COMMAND image|template [FILE]
//
// TERMINAL.jwk: sealing-key.pub.jwk of that terminal, carried here by hand. COMMAND: the `id` of the session.start that
// it goes with, and no other. FILE: the picture, or what `livegate template` wrote; else standard input. Prints what the
// field verifyImage or verifyTemplate of that command holds; publish it at QoS 0. Exit code: 0 sealed, 1 refused, 2
// wrong usage.

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { publicKey, seal } from './hpke.mjs';

const PURPOSES = { image: 'reference-image', template: 'reference-template' };

function sealed(jwk, site, device, command, kind, content) {
  if (jwk.kty !== 'OKP' || jwk.crv !== 'X25519' || 'd' in jwk) throw new Error('that is no public X25519 key');
  if (jwk.device !== undefined && jwk.device !== device) throw new Error(`that is the key of ${jwk.device}`);
  const info = JSON.stringify(['livegate/v1', PURPOSES[kind], site, device, command]);
  return seal(publicKey(jwk.x), Buffer.from(info), content).toString('base64url');
}

// A pipe may be empty for a moment: reading it synchronously would fail then.
async function piped() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const [keyFile, site, device, command, kind, file, ...more] = process.argv.slice(2);
if (!Object.hasOwn(PURPOSES, kind ?? '') || more.length > 0) {
  console.error('usage: node seal_reference.mjs TERMINAL.jwk SITE DEVICE COMMAND image|template [FILE]');
  process.exit(2);
}
try {
  const content = file === undefined ? await piped() : readFileSync(file);
  console.log(sealed(JSON.parse(readFileSync(keyFile, 'utf8')), site, device, command, kind, content));
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
