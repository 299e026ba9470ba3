// Opens a session image in Node, 18 or later, with nothing but its own library:
//
//     node open_image.mjs KEY.pem SITE DEVICE [MESSAGE.json] > picture.jpg
//
// KEY.pem: what `livegate key sealing` made. SITE, DEVICE: of the topic that it came on. MESSAGE.json: a payload of the
// topic `session/<id>/image`, else standard input. Exit code: 0 opened, 1 refused, 2 wrong usage.
//
// It prints the picture's SHA-256 on standard error: it is the terminal's picture only where the signed decision says
// the same in attempt.sessionImage.sha256 (verify_decision.mjs). To seal one takes the public key alone.

import { createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { open } from './hpke.mjs';

const SUITE = 'DHKEM(X25519,HKDF-SHA256),HKDF-SHA256,ChaCha20Poly1305';
const LARGEST = 256 * 1024;

function opened(payload, key, site, device) {
  if (payload.length > LARGEST) throw new Error(`the message has ${payload.length} bytes`);
  const message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  if (message.suite !== SUITE) throw new Error(`it is sealed by ${JSON.stringify(message.suite)}`);
  const info = JSON.stringify(['livegate/v1', 'session-image', site, device, message.sessionId, message.sessionImageId]);
  return open(key, Buffer.from(info), Buffer.from(message.sealed, 'base64url'));
}

// A pipe may be empty for a moment: reading it synchronously would fail then.
async function piped() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const [keyFile, site, device, messageFile, ...more] = process.argv.slice(2);
if (device === undefined || more.length > 0) {
  console.error('usage: node open_image.mjs KEY.pem SITE DEVICE [MESSAGE.json] > picture.jpg');
  process.exit(2);
}
try {
  const payload = messageFile === undefined ? await piped() : readFileSync(messageFile);
  const picture = opened(payload, createPrivateKey(readFileSync(keyFile)), site, device);
  process.stdout.write(picture);
  console.error(`sha256 ${createHash('sha256').update(picture).digest('hex')}`);
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exitCode = 1;
}
