import '../node-version.js';
import { SECRET_NAMES, secretFile } from '../secrets.js';

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error(
    'Usage: node dist/src/commands/make-secrets.js FOLDER   (makes what is not there yet, and replaces nothing)',
  );
  process.exit(1);
}
for (const name of SECRET_NAMES) secretFile(folder, name);
console.log(`Secrets are in ${folder}: ${SECRET_NAMES.join(', ')}.`);
