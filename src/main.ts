import './process/node-version.js';
import { Run } from './process/run.js';

// Signals are heard before all else is loaded, which takes a second.
const run = new Run();
const { startApi } = await run.step(() => import('./api.js'));
await startApi(run).catch((error) => run.fail(error));
