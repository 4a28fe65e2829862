// Where Apollo Sandbox cannot be loaded, the explorer is here.
const PATIENCE_MS = 5_000;

const goToExplorer = () => location.replace('/explorer/');
addEventListener('error', ({ target }) => target instanceof HTMLScriptElement && goToExplorer(), { capture: true });
// Some networks drop what they do not let through.
setTimeout(() => 'EmbeddedSandbox' in window || goToExplorer(), PATIENCE_MS);
