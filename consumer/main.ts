import '../src/process/node-version.js';
import { Run } from '../src/process/run.js';

// Signals are heard before all else is loaded.
const run = new Run();
const { startConsumer } = await run.step(() => import('./start-consumer.js'));
await startConsumer(run).catch((error) => run.fail(error));
