import { AuditTrail } from '../src/audit/audit-trail.js';

/** The API as it would be if nothing were recorded. */
AuditTrail.prototype.record = async (em) => em.flush();
await import('../src/main.js');
