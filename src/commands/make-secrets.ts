import '../process/node-version.js';
import { accessSync, chmodSync, chownSync, constants, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { firstKey } from '../keys/key-files.js';
import { readOrCreateFile, secretFile } from '../keys/secrets.js';

const [folder, ...more] = process.argv.slice(2);
if (!folder || folder.startsWith('-') || more.length > 0) {
  console.error(
    'Usage: node dist/src/commands/make-secrets.js FOLDER   (for docker-compose.yml; makes what is not there yet, and replaces nothing)',
  );
  process.exit(1);
}

try {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  accessSync(folder, constants.W_OK);
} catch (error) {
  console.error(
    `The folder cannot be used (${(error as NodeJS.ErrnoException).code}): name one that this user can write to.`,
  );
  process.exit(1);
}
const postgres = secretFile(folder, 'postgres-password');
const redis = secretFile(folder, 'redis-password');
const rabbitmq = secretFile(folder, 'rabbitmq-password');
firstKey(join(folder, 'keys'), join(folder, 'jwt-private-key.pem'));
secretFile(folder, 'password-pepper');
secretFile(folder, 'admin-password');
readOrCreateFile(folder, 'database-url', () => `postgres://gatehouse:${postgres}@postgres:5432/gatehouse\n`);
readOrCreateFile(folder, 'redis-url', () => `redis://:${redis}@redis:6379\n`);
readOrCreateFile(folder, 'amqp-url', () => `amqp://gatehouse:${rabbitmq}@rabbitmq:5672\n`);
readOrCreateFile(folder, 'redis.conf', () => `requirepass ${redis}\n`);
readOrCreateFile(folder, 'rabbitmq.conf', () => `default_user = gatehouse\ndefault_pass = ${rabbitmq}\n`);

// One volume holds everything, so each server's process runs in a group of its own and can read its own file only.
const READERS = { 'postgres-password': 5432, 'redis.conf': 6379, 'rabbitmq.conf': 5672 };
chmodSync(folder, 0o711);
for (const [name, group] of Object.entries(READERS)) {
  const path = join(folder, name);
  chownSync(path, statSync(path).uid, group);
  chmodSync(path, 0o640);
}

console.log(`Keys and passwords are in ${folder} (volume "secrets"). What was there was kept.`);
console.log(`The first admin's password: docker compose exec api cat ${folder}/admin-password`);
