// Imported first, so that an old Node.js says this one line and not what it fails at.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 17)) {
  console.error(`Gatehouse needs Node.js 22.17 or newer; this is ${process.versions.node}. npm start brings its own.`);
  process.exit(1);
}
